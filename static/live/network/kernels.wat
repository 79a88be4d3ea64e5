;; The kernels of plain.js in WebAssembly with SIMD.
;;
;; tests/javascript/network/make_kernels.js compiles this text to the bytes in kernels.js.
;;
;; All addresses and strides are in bytes; the offsets in tables count numbers. A panel is the same
;; as in plain.js: 8 columns of a matrix, 32 bytes for each of its rows. The first 128 bytes of the
;; memory are used here for blocks that are narrower than a panel.

(module
  (import "network" "memory" (memory 1))

  ;; y += x · W for m rows of x, each of k numbers, and n columns of W in panels.
  ;; list: room for 2 k + 8 numbers.
  (func (export "product")
    (param $x i32) (param $m i32) (param $k i32) (param $panels i32) (param $n i32) (param $y i32)
    (param $list i32)
    (local $last i32) (local $pitch i32)
    (local.set $pitch (i32.shl (local.get $n) (i32.const 2)))
    (if (i32.eq (local.get $m) (i32.const 1))
      (then
        (local.set $last (call $compact (local.get $x) (local.get $k) (local.get $list)))))
    (block $end
      (loop $next
        (br_if $end (i32.le_s (local.get $n) (i32.const 0)))
        (if (i32.eq (local.get $m) (i32.const 1))
          (then
            (call $narrow_sparse
              (local.get $list) (local.get $last) (local.get $panels) (local.get $y) (local.get $n)))
          (else
            (call $block
              (local.get $x) (local.get $m) (local.get $k) (local.get $panels) (local.get $y)
              (local.get $pitch) (local.get $n))))
        (local.set $panels (i32.add (local.get $panels) (i32.shl (local.get $k) (i32.const 5))))
        (local.set $y (i32.add (local.get $y) (i32.const 32)))
        (local.set $n (i32.sub (local.get $n) (i32.const 8)))
        (br $next))))

  ;; y += w · X for m rows of w, and n columns X[i, j] = x[rows[i] + columns[j]].
  ;; panel: room for 8 k numbers.
  (func (export "gatherProduct")
    (param $w i32) (param $m i32) (param $k i32) (param $x i32) (param $rows i32)
    (param $columns i32) (param $n i32) (param $y i32) (param $panel i32)
    (local $pitch i32)
    (local.set $pitch (i32.shl (local.get $n) (i32.const 2)))
    (block $end
      (loop $next
        (br_if $end (i32.le_s (local.get $n) (i32.const 0)))
        (call $gather
          (local.get $x) (local.get $rows) (local.get $k) (local.get $columns) (local.get $panel))
        (call $block
          (local.get $w) (local.get $m) (local.get $k) (local.get $panel) (local.get $y)
          (local.get $pitch) (local.get $n))
        (local.set $columns (i32.add (local.get $columns) (i32.const 32)))
        (local.set $y (i32.add (local.get $y) (i32.const 32)))
        (local.set $n (i32.sub (local.get $n) (i32.const 8)))
        (br $next))))

  ;; Fills a panel: k rows of the 8 numbers x[rows[i] + columns[j]].
  (func $gather
    (param $x i32) (param $rows i32) (param $k i32) (param $columns i32) (param $panel i32)
    (local $end i32) (local $from i32)
    (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32)
    (local $h i32)
    (local.set $end (i32.add (local.get $panel) (i32.shl (local.get $k) (i32.const 5))))
    (local.set $x
      (i32.add (local.get $x) (i32.shl (i32.load (local.get $columns)) (i32.const 2))))
    ;; how far the other columns are from the first
    (local.set $b (call $distance (local.get $columns) (i32.const 4)))
    (local.set $c (call $distance (local.get $columns) (i32.const 8)))
    (local.set $d (call $distance (local.get $columns) (i32.const 12)))
    (local.set $e (call $distance (local.get $columns) (i32.const 16)))
    (local.set $f (call $distance (local.get $columns) (i32.const 20)))
    (local.set $g (call $distance (local.get $columns) (i32.const 24)))
    (local.set $h (call $distance (local.get $columns) (i32.const 28)))
    (block $filled
      (loop $next
        (br_if $filled (i32.ge_u (local.get $panel) (local.get $end)))
        (local.set $from
          (i32.add (local.get $x) (i32.shl (i32.load (local.get $rows)) (i32.const 2))))
        (if (i32.and
              (i32.eq (local.get $d) (i32.const 12))
              (i32.and
                (i32.eq (local.get $b) (i32.const 4))
                (i32.eq (local.get $h) (i32.sub (local.get $e) (i32.const -12)))))
          (then ;; two times four neighbours
            (v128.store (local.get $panel) (v128.load (local.get $from)))
            (v128.store offset=16 (local.get $panel)
              (v128.load (i32.add (local.get $from) (local.get $e)))))
          (else
            (f32.store (local.get $panel) (f32.load (local.get $from)))
            (f32.store offset=4 (local.get $panel)
              (f32.load (i32.add (local.get $from) (local.get $b))))
            (f32.store offset=8 (local.get $panel)
              (f32.load (i32.add (local.get $from) (local.get $c))))
            (f32.store offset=12 (local.get $panel)
              (f32.load (i32.add (local.get $from) (local.get $d))))
            (f32.store offset=16 (local.get $panel)
              (f32.load (i32.add (local.get $from) (local.get $e))))
            (f32.store offset=20 (local.get $panel)
              (f32.load (i32.add (local.get $from) (local.get $f))))
            (f32.store offset=24 (local.get $panel)
              (f32.load (i32.add (local.get $from) (local.get $g))))
            (f32.store offset=28 (local.get $panel)
              (f32.load (i32.add (local.get $from) (local.get $h))))))
        (local.set $rows (i32.add (local.get $rows) (i32.const 4)))
        (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
        (br $next))))

  ;; The distance from the first entry of a table of columns to another, in bytes of x.
  (func $distance (param $columns i32) (param $entry i32) (result i32)
    (i32.shl
      (i32.sub
        (i32.load (i32.add (local.get $columns) (local.get $entry)))
        (i32.load (local.get $columns)))
      (i32.const 2)))

  ;; y += a · panel for m rows; width: how many of the 8 columns count, if under 8.
  (func $block
    (param $a i32) (param $m i32) (param $k i32) (param $panel i32) (param $y i32)
    (param $pitch i32) (param $width i32)
    (local $line i32)
    (local.set $line (i32.shl (local.get $k) (i32.const 2)))
    (block $tiled
      (loop $next
        (br_if $tiled (i32.lt_s (local.get $m) (i32.const 4)))
        (if (i32.ge_s (local.get $width) (i32.const 8))
          (then
            (call $tile
              (local.get $a) (local.get $line) (local.get $panel) (local.get $y)
              (local.get $pitch)))
          (else
            (call $clear)
            (call $tile
              (local.get $a) (local.get $line) (local.get $panel) (i32.const 0) (i32.const 32))
            (call $add
              (i32.const 4) (local.get $width) (local.get $y) (local.get $pitch))))
        (local.set $a (i32.add (local.get $a) (i32.shl (local.get $line) (i32.const 2))))
        (local.set $y (i32.add (local.get $y) (i32.shl (local.get $pitch) (i32.const 2))))
        (local.set $m (i32.sub (local.get $m) (i32.const 4)))
        (br $next)))
    (block $end
      (loop $next
        (br_if $end (i32.eqz (local.get $m)))
        (if (i32.ge_s (local.get $width) (i32.const 8))
          (then
            (call $row (local.get $a) (local.get $line) (local.get $panel) (local.get $y)))
          (else
            (call $clear)
            (call $row (local.get $a) (local.get $line) (local.get $panel) (i32.const 0))
            (call $add (i32.const 1) (local.get $width) (local.get $y) (i32.const 0))))
        (local.set $a (i32.add (local.get $a) (local.get $line)))
        (local.set $y (i32.add (local.get $y) (local.get $pitch)))
        (local.set $m (i32.sub (local.get $m) (i32.const 1)))
        (br $next))))

  ;; Clears the block at the start of the memory.
  (func $clear
    (local $at i32)
    (loop $next
      (v128.store (local.get $at) (v128.const i32x4 0 0 0 0))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 128)))))

  ;; Adds the first columns of the block at the start of the memory to y.
  (func $add (param $rows i32) (param $width i32) (param $y i32) (param $pitch i32)
    (local $row i32) (local $column i32) (local $to i32)
    (loop $next_row
      (local.set $column (i32.const 0))
      (loop $next
        (local.set $to
          (i32.add (local.get $y) (i32.shl (local.get $column) (i32.const 2))))
        (f32.store (local.get $to)
          (f32.add
            (f32.load (local.get $to))
            (f32.load
              (i32.add
                (i32.shl (local.get $row) (i32.const 5))
                (i32.shl (local.get $column) (i32.const 2))))))
        (local.set $column (i32.add (local.get $column) (i32.const 1)))
        (br_if $next (i32.lt_s (local.get $column) (local.get $width))))
      (local.set $y (i32.add (local.get $y) (local.get $pitch)))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $next_row (i32.lt_s (local.get $row) (local.get $rows)))))

  ;; Four rows times a panel.
  (func $tile
    (param $a i32) (param $line i32) (param $panel i32) (param $y i32) (param $pitch i32)
    (local $b i32) (local $c i32) (local $d i32) (local $end i32)
    (local $left v128) (local $right v128) (local $factor v128)
    (local $al v128) (local $ar v128) (local $bl v128) (local $br v128)
    (local $cl v128) (local $cr v128) (local $dl v128) (local $dr v128)
    (local.set $b (i32.add (local.get $a) (local.get $line)))
    (local.set $c (i32.add (local.get $b) (local.get $line)))
    (local.set $d (i32.add (local.get $c) (local.get $line)))
    (local.set $end (local.get $b))
    (block $summed
      (loop $next
        (br_if $summed (i32.ge_u (local.get $a) (local.get $end)))
        (local.set $left (v128.load (local.get $panel)))
        (local.set $right (v128.load offset=16 (local.get $panel)))
        (local.set $factor (v128.load32_splat (local.get $a)))
        (local.set $al (f32x4.add (local.get $al) (f32x4.mul (local.get $factor) (local.get $left))))
        (local.set $ar (f32x4.add (local.get $ar) (f32x4.mul (local.get $factor) (local.get $right))))
        (local.set $factor (v128.load32_splat (local.get $b)))
        (local.set $bl (f32x4.add (local.get $bl) (f32x4.mul (local.get $factor) (local.get $left))))
        (local.set $br (f32x4.add (local.get $br) (f32x4.mul (local.get $factor) (local.get $right))))
        (local.set $factor (v128.load32_splat (local.get $c)))
        (local.set $cl (f32x4.add (local.get $cl) (f32x4.mul (local.get $factor) (local.get $left))))
        (local.set $cr (f32x4.add (local.get $cr) (f32x4.mul (local.get $factor) (local.get $right))))
        (local.set $factor (v128.load32_splat (local.get $d)))
        (local.set $dl (f32x4.add (local.get $dl) (f32x4.mul (local.get $factor) (local.get $left))))
        (local.set $dr (f32x4.add (local.get $dr) (f32x4.mul (local.get $factor) (local.get $right))))
        (local.set $a (i32.add (local.get $a) (i32.const 4)))
        (local.set $b (i32.add (local.get $b) (i32.const 4)))
        (local.set $c (i32.add (local.get $c) (i32.const 4)))
        (local.set $d (i32.add (local.get $d) (i32.const 4)))
        (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
        (br $next)))
    (call $add_row (local.get $y) (local.get $al) (local.get $ar))
    (local.set $y (i32.add (local.get $y) (local.get $pitch)))
    (call $add_row (local.get $y) (local.get $bl) (local.get $br))
    (local.set $y (i32.add (local.get $y) (local.get $pitch)))
    (call $add_row (local.get $y) (local.get $cl) (local.get $cr))
    (local.set $y (i32.add (local.get $y) (local.get $pitch)))
    (call $add_row (local.get $y) (local.get $dl) (local.get $dr)))

  ;; y[0 … 7] += left, right.
  (func $add_row (param $y i32) (param $left v128) (param $right v128)
    (v128.store (local.get $y) (f32x4.add (v128.load (local.get $y)) (local.get $left)))
    (v128.store offset=16 (local.get $y)
      (f32x4.add (v128.load offset=16 (local.get $y)) (local.get $right))))

  ;; One row times a panel, two numbers of the row at a time.
  (func $row (param $a i32) (param $line i32) (param $panel i32) (param $y i32)
    (local $end i32) (local $factor v128)
    (local $al v128) (local $ar v128) (local $bl v128) (local $br v128)
    (local.set $end (i32.add (local.get $a) (local.get $line)))
    (if (i32.and (local.get $line) (i32.const 4))
      (then
        (local.set $factor (v128.load32_splat (local.get $a)))
        (local.set $al (f32x4.mul (local.get $factor) (v128.load (local.get $panel))))
        (local.set $ar (f32x4.mul (local.get $factor) (v128.load offset=16 (local.get $panel))))
        (local.set $a (i32.add (local.get $a) (i32.const 4)))
        (local.set $panel (i32.add (local.get $panel) (i32.const 32)))))
    (block $summed
      (loop $next
        (br_if $summed (i32.ge_u (local.get $a) (local.get $end)))
        (local.set $factor (v128.load32_splat (local.get $a)))
        (local.set $al
          (f32x4.add (local.get $al)
            (f32x4.mul (local.get $factor) (v128.load (local.get $panel)))))
        (local.set $ar
          (f32x4.add (local.get $ar)
            (f32x4.mul (local.get $factor) (v128.load offset=16 (local.get $panel)))))
        (local.set $factor (v128.load32_splat offset=4 (local.get $a)))
        (local.set $bl
          (f32x4.add (local.get $bl)
            (f32x4.mul (local.get $factor) (v128.load offset=32 (local.get $panel)))))
        (local.set $br
          (f32x4.add (local.get $br)
            (f32x4.mul (local.get $factor) (v128.load offset=48 (local.get $panel)))))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (local.set $panel (i32.add (local.get $panel) (i32.const 64)))
        (br $next)))
    (call $add_row
      (local.get $y)
      (f32x4.add (local.get $al) (local.get $bl))
      (f32x4.add (local.get $ar) (local.get $br))))

  ;; Lists the numbers of x that are not 0, each with the offset of its row in a panel, padded to a
  ;; multiple of four; returns the end of the list.
  (func $compact (param $x i32) (param $k i32) (param $list i32) (result i32)
    (local $end i32) (local $at i32)
    (local.set $end (i32.shl (local.get $k) (i32.const 5)))
    (local.set $k (local.get $list))
    (block $listed
      (loop $next
        (br_if $listed (i32.ge_u (local.get $at) (local.get $end)))
        (f32.store (local.get $list) (f32.load (local.get $x)))
        (i32.store offset=4 (local.get $list) (local.get $at))
        (local.set $list ;; without a branch, which would be mispredicted for half of them
          (i32.add
            (local.get $list)
            (i32.shl (f32.ne (f32.load (local.get $x)) (f32.const 0)) (i32.const 3))))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br $next)))
    (block $full
      (loop $next
        (br_if $full
          (i32.eqz (i32.and (i32.sub (local.get $list) (local.get $k)) (i32.const 31))))
        (i64.store (local.get $list) (i64.const 0))
        (local.set $list (i32.add (local.get $list) (i32.const 8)))
        (br $next)))
    (local.get $list))

  ;; The listed numbers times a panel that may be narrow.
  (func $narrow_sparse
    (param $list i32) (param $end i32) (param $panel i32) (param $y i32) (param $width i32)
    (if (i32.ge_s (local.get $width) (i32.const 8))
      (then
        (call $sparse (local.get $list) (local.get $end) (local.get $panel) (local.get $y)))
      (else
        (call $clear)
        (call $sparse (local.get $list) (local.get $end) (local.get $panel) (i32.const 0))
        (call $add (i32.const 1) (local.get $width) (local.get $y) (i32.const 0)))))

  ;; The listed numbers times a panel, four at a time.
  (func $sparse (param $list i32) (param $end i32) (param $panel i32) (param $y i32)
    (local $row i32) (local $factor v128)
    (local $al v128) (local $ar v128) (local $bl v128) (local $br v128)
    (local $cl v128) (local $cr v128) (local $dl v128) (local $dr v128)
    (block $summed
      (loop $next
        (br_if $summed (i32.ge_u (local.get $list) (local.get $end)))
        (local.set $factor (v128.load32_splat (local.get $list)))
        (local.set $row (i32.add (local.get $panel) (i32.load offset=4 (local.get $list))))
        (local.set $al
          (f32x4.add (local.get $al) (f32x4.mul (local.get $factor) (v128.load (local.get $row)))))
        (local.set $ar
          (f32x4.add (local.get $ar)
            (f32x4.mul (local.get $factor) (v128.load offset=16 (local.get $row)))))
        (local.set $factor (v128.load32_splat offset=8 (local.get $list)))
        (local.set $row (i32.add (local.get $panel) (i32.load offset=12 (local.get $list))))
        (local.set $bl
          (f32x4.add (local.get $bl) (f32x4.mul (local.get $factor) (v128.load (local.get $row)))))
        (local.set $br
          (f32x4.add (local.get $br)
            (f32x4.mul (local.get $factor) (v128.load offset=16 (local.get $row)))))
        (local.set $factor (v128.load32_splat offset=16 (local.get $list)))
        (local.set $row (i32.add (local.get $panel) (i32.load offset=20 (local.get $list))))
        (local.set $cl
          (f32x4.add (local.get $cl) (f32x4.mul (local.get $factor) (v128.load (local.get $row)))))
        (local.set $cr
          (f32x4.add (local.get $cr)
            (f32x4.mul (local.get $factor) (v128.load offset=16 (local.get $row)))))
        (local.set $factor (v128.load32_splat offset=24 (local.get $list)))
        (local.set $row (i32.add (local.get $panel) (i32.load offset=28 (local.get $list))))
        (local.set $dl
          (f32x4.add (local.get $dl) (f32x4.mul (local.get $factor) (v128.load (local.get $row)))))
        (local.set $dr
          (f32x4.add (local.get $dr)
            (f32x4.mul (local.get $factor) (v128.load offset=16 (local.get $row)))))
        (local.set $list (i32.add (local.get $list) (i32.const 32)))
        (br $next)))
    (call $add_row
      (local.get $y)
      (f32x4.add
        (f32x4.add (local.get $al) (local.get $bl))
        (f32x4.add (local.get $cl) (local.get $dl)))
      (f32x4.add
        (f32x4.add (local.get $ar) (local.get $br))
        (f32x4.add (local.get $cr) (local.get $dr)))))

  ;; y[rows[i] + columns[j]] += x[i, j] for m rows and n columns.
  (func (export "scatterAdd")
    (param $x i32) (param $m i32) (param $n i32) (param $rows i32) (param $columns i32)
    (param $y i32)
    (local $column i32) (local $end i32) (local $base i32) (local $to i32)
    (local.set $end (i32.add (local.get $columns) (i32.shl (local.get $n) (i32.const 2))))
    (block $done
      (loop $next_row
        (br_if $done (i32.eqz (local.get $m)))
        (local.set $base
          (i32.add (local.get $y) (i32.shl (i32.load (local.get $rows)) (i32.const 2))))
        (local.set $column (local.get $columns))
        (block $row_done
          (loop $next
            (br_if $row_done (i32.ge_u (local.get $column) (local.get $end)))
            (local.set $to
              (i32.add (local.get $base) (i32.shl (i32.load (local.get $column)) (i32.const 2))))
            (f32.store (local.get $to)
              (f32.add (f32.load (local.get $to)) (f32.load (local.get $x))))
            (local.set $x (i32.add (local.get $x) (i32.const 4)))
            (local.set $column (i32.add (local.get $column) (i32.const 4)))
            (br $next)))
        (local.set $rows (i32.add (local.get $rows) (i32.const 4)))
        (local.set $m (i32.sub (local.get $m) (i32.const 1)))
        (br $next_row))))

  ;; y = f(x) for n numbers.
  (func (export "unary")
    (param $f i32) (param $x i32) (param $y i32) (param $n i32) (param $slope f32)
    (local $slopes v128) (local $end i32)
    (local.set $slopes (f32x4.splat (local.get $slope)))
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $n) (i32.const 2))))
    (block $all
      (loop $next
        (br_if $all (i32.gt_u (i32.add (local.get $x) (i32.const 16)) (local.get $end)))
        (v128.store (local.get $y)
          (call $apply (local.get $f) (v128.load (local.get $x)) (local.get $slopes)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $y (i32.add (local.get $y) (i32.const 16)))
        (br $next)))
    (block $rest
      (loop $next
        (br_if $rest (i32.ge_u (local.get $x) (local.get $end)))
        (v128.store32_lane 0 (local.get $y)
          (call $apply (local.get $f) (v128.load32_zero (local.get $x)) (local.get $slopes)))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (local.set $y (i32.add (local.get $y) (i32.const 4)))
        (br $next))))

  ;; The functions of one number, by their index in plain.js.
  (func $apply (param $f i32) (param $x v128) (param $slope v128) (result v128)
    (local $exp v128) (local $square v128)
    (if (i32.eqz (local.get $f)) ;; leaky ReLU
      (then
        (return
          (v128.bitselect
            (f32x4.mul (local.get $x) (local.get $slope))
            (local.get $x)
            (f32x4.lt (local.get $x) (v128.const f32x4 0 0 0 0))))))
    (if (i32.eq (local.get $f) (i32.const 1))
      (then (return (call $exp (local.get $x)))))
    (if (i32.eq (local.get $f) (i32.const 2)) ;; sigmoid
      (then
        (return
          (f32x4.div
            (v128.const f32x4 1 1 1 1)
            (f32x4.add
              (v128.const f32x4 1 1 1 1)
              (call $exp (f32x4.neg (local.get $x))))))))
    ;; tanh x = 1 − 2 / (1 + e²ˣ); a polynomial where that would cancel
    (local.set $exp
      (f32x4.sub
        (v128.const f32x4 1 1 1 1)
        (f32x4.div
          (v128.const f32x4 2 2 2 2)
          (f32x4.add
            (v128.const f32x4 1 1 1 1)
            (call $exp (f32x4.add (local.get $x) (local.get $x)))))))
    (local.set $square (f32x4.mul (local.get $x) (local.get $x)))
    (v128.bitselect
      (f32x4.add (local.get $x)
        (f32x4.mul (local.get $x)
          (f32x4.mul (local.get $square)
            (call $horner
              (call $horner
                (call $horner
                  (call $horner
                    (v128.const f32x4 -5.70498872745e-3 -5.70498872745e-3 -5.70498872745e-3 -5.70498872745e-3)
                    (local.get $square) (f32.const 2.06390887954e-2))
                  (local.get $square) (f32.const -5.37397155531e-2))
                (local.get $square) (f32.const 1.33314422036e-1))
              (local.get $square) (f32.const -3.33332819422e-1)))))
      (local.get $exp)
      (f32x4.lt (local.get $square) (v128.const f32x4 0.390625 0.390625 0.390625 0.390625))))

  ;; sum · x + next
  (func $horner (param $sum v128) (param $x v128) (param $next f32) (result v128)
    (f32x4.add
      (f32x4.mul (local.get $sum) (local.get $x))
      (f32x4.splat (local.get $next))))

  ;; eˣ = 2ⁿ eʳ with n whole and |r| ≤ ln 2 / 2; x is limited to [−87.3, 88.3].
  ;; Source of the coefficients, also of tanh's: Moshier 1989, "Methods and Programs for
  ;; Mathematical Functions" (Cephes), single precision.
  (func $exp (param $x v128) (result v128)
    (local $n v128)
    (local.set $x
      (f32x4.min
        (f32x4.max (local.get $x) (v128.const f32x4 -87.3 -87.3 -87.3 -87.3))
        (v128.const f32x4 88.3 88.3 88.3 88.3)))
    (local.set $n
      (f32x4.nearest
        (f32x4.mul (local.get $x)
          (v128.const f32x4 1.44269504 1.44269504 1.44269504 1.44269504))))
    (local.set $x ;; ln 2 in two parts, the first of which is exact in few bits
      (f32x4.sub
        (f32x4.sub (local.get $x)
          (f32x4.mul (local.get $n) (v128.const f32x4 0.693359375 0.693359375 0.693359375 0.693359375)))
        (f32x4.mul (local.get $n)
          (v128.const f32x4 -2.12194440e-4 -2.12194440e-4 -2.12194440e-4 -2.12194440e-4))))
    (f32x4.mul
      (i32x4.shl
        (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $n)) (v128.const i32x4 127 127 127 127))
        (i32.const 23))
      (call $horner
        (call $horner
          (call $horner
            (call $horner
              (call $horner
                (call $horner
                  (call $horner
                    (v128.const f32x4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4)
                    (local.get $x) (f32.const 1.3981999507e-3))
                  (local.get $x) (f32.const 8.3334519073e-3))
                (local.get $x) (f32.const 4.1665795894e-2))
              (local.get $x) (f32.const 1.6666665459e-1))
            (local.get $x) (f32.const 5.0000001201e-1))
          (local.get $x) (f32.const 1))
        (local.get $x) (f32.const 1))))

  ;; y = f(a, b) for rows of columns; a_row, b_row: stride from one row to the next; a_column,
  ;; b_column: 0 to repeat one number.
  (func (export "binary")
    (param $f i32) (param $a i32) (param $a_row i32) (param $a_column i32)
    (param $b i32) (param $b_row i32) (param $b_column i32)
    (param $y i32) (param $rows i32) (param $columns i32)
    (local $a_at i32) (local $b_at i32) (local $left i32) (local $p v128) (local $q v128)
    (block $done
      (loop $next_row
        (br_if $done (i32.eqz (local.get $rows)))
        (local.set $a_at (local.get $a))
        (local.set $b_at (local.get $b))
        (local.set $left (local.get $columns))
        (local.set $p (v128.load32_splat (local.get $a)))
        (local.set $q (v128.load32_splat (local.get $b)))
        (block $all
          (loop $next
            (br_if $all (i32.lt_u (local.get $left) (i32.const 4)))
            (if (local.get $a_column) (then (local.set $p (v128.load (local.get $a_at)))))
            (if (local.get $b_column) (then (local.set $q (v128.load (local.get $b_at)))))
            (v128.store (local.get $y) (call $combine (local.get $f) (local.get $p) (local.get $q)))
            (local.set $a_at (i32.add (local.get $a_at) (i32.shl (local.get $a_column) (i32.const 4))))
            (local.set $b_at (i32.add (local.get $b_at) (i32.shl (local.get $b_column) (i32.const 4))))
            (local.set $y (i32.add (local.get $y) (i32.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 4)))
            (br $next)))
        (block $rest
          (loop $next
            (br_if $rest (i32.eqz (local.get $left)))
            (v128.store32_lane 0 (local.get $y)
              (call $combine
                (local.get $f)
                (v128.load32_zero (local.get $a_at))
                (v128.load32_zero (local.get $b_at))))
            (local.set $a_at (i32.add (local.get $a_at) (i32.shl (local.get $a_column) (i32.const 2))))
            (local.set $b_at (i32.add (local.get $b_at) (i32.shl (local.get $b_column) (i32.const 2))))
            (local.set $y (i32.add (local.get $y) (i32.const 4)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br $next)))
        (local.set $a (i32.add (local.get $a) (local.get $a_row)))
        (local.set $b (i32.add (local.get $b) (local.get $b_row)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $next_row))))

  ;; The functions of two numbers, by their index in plain.js.
  (func $combine (param $f i32) (param $a v128) (param $b v128) (result v128)
    (block $minimum
      (block $maximum
        (block $divide
          (block $multiply
            (block $subtract
              (block $add
                (br_table $add $subtract $multiply $divide $maximum $minimum (local.get $f)))
              (return (f32x4.add (local.get $a) (local.get $b))))
            (return (f32x4.sub (local.get $a) (local.get $b))))
          (return (f32x4.mul (local.get $a) (local.get $b))))
        (return (f32x4.div (local.get $a) (local.get $b))))
      (return (f32x4.max (local.get $a) (local.get $b))))
    (f32x4.min (local.get $a) (local.get $b))))
