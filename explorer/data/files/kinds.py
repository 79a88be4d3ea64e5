"""Recognise files without readable images, and say what to do with them.

One table goes by name, for files in folders and archives; one goes by first bytes, for single files
that are given or uploaded.
"""

from __future__ import annotations

import re

_KINDS = {
    "PDF documents": ".pdf",
    "videos": ".mp4 .mov .avi .mkv .webm .mpg .mpeg .m4v .wmv",
    "audio files": ".wav .mp3 .flac .ogg .m4a",
    "camera raw photos": ".cr2 .cr3 .nef .arw .dng .raf .orf .rw2 .pef .srw .raw",
    "vector drawings": ".svg .eps .ai .ps .wmf .emf",
    "JPEG XL pictures": ".jxl",
    "tables": ".csv .tsv .jsonl",
    "spreadsheets (save them as CSV)": ".xlsx .xls .ods",
    "MATLAB files": ".mat",
    "text files": ".txt .md .rst .json .xml .yaml .yml .html .htm .ini .cfg .log .bib .tex"
    " .doc .docx",
    "scripts and programs": ".py .ipynb .sh .bat .exe .dll .m .r .js .pyc",
    "archives": ".zip .tar .tgz .gz .xz .bz2 .zst .rar .7z",
    "HDF5 files": ".h5 .hdf5 .hdf",
    "NumPy files": ".npy .npz",
    "Parquet files": ".parquet",
    "model files": ".onnx .keras .ckpt .safetensors",
}
_KIND_OF_SUFFIX = {suffix: kind for kind, suffixes in _KINDS.items() for suffix in suffixes.split()}

_ANNOTATIONS = re.compile(
    r"(.*/)?(annotations?|labels?)/.*\.(txt|json|xml)|(.*/)?(instances|keypoints|captions)_.*\.json"
    r"|.*annotations(\.coco)?\.(json|xml)|(.*/)?bounding_boxes\.txt"
)  # COCO, YOLO, Pascal VOC

_CONVERSIONS = (  # name of a file inside, what it is, how to convert it
    (r".*\.tfrecords?(-\d+-of-\d+)?(\.gz)?", "TFRecord files",
     "write the images as PNG, one folder for each class, while iterating tf.data.TFRecordDataset"),
    (r"(.*/)?(data|lock)\.mdb|.*\.lmdb", "an LMDB database",
     "write each value of lmdb.open(PATH).begin().cursor() as an image file"),
    (r"(.*/)?(\.zarray|\.zgroup|\.zattrs|zarr\.json)", "a zarr store",
     "run numpy.save('images.npy', zarr.open(PATH)['NAME'][:])"),
    (r".*\.nii(\.gz)?", "NIfTI volumes",
     "run numpy.save('slices.npy', nibabel.load(PATH).get_fdata().transpose(2, 0, 1))"),
    (r".*\.(dcm|dicom)", "DICOM files",
     "write pydicom.dcmread(PATH).pixel_array of each as a 16-bit PNG"),
    (r".*\.(pt|pth)", "PyTorch files", "run numpy.save('images.npy', torch.load(PATH).numpy())"),
    (r".*\.(pkl|pickle|p|joblib)(\.gz)?", "pickles",
     "they can run any code and are never loaded: where they were made, run "
     "numpy.savez('images.npz', images=…, labels=…)"),
    (r".*\.(xlsx?|ods)", "spreadsheets",
     "save the sheet as CSV; a table of labels belongs beside its images"),
    (r".*\.arff", "ARFF files",
     "run pandas.DataFrame(scipy.io.arff.loadarff(PATH)[0]).to_csv('images.csv', index=False)"),
    (r".*\.feather", "Feather files",
     "run pandas.read_feather(PATH).to_parquet('images.parquet')"),
    (r".*\.arrow", "Arrow files",
     "run datasets.load_from_disk(PATH).to_parquet('images.parquet')"),
    (r".*\.(sqlite3?|db)", "an SQLite database", "write its images as PNG"),
    (r".*\.(rar|7z)", "RAR or 7-Zip archives", "unpack them, or pack them as ZIP"),
    (r".*\.pdf", "PDF documents", "export their pages as PNG"),
    (r".*\.(mp4|mov|avi|mkv|webm|mpe?g)", "videos", "take frames as PNG: ffmpeg -i PATH %05d.png"),
)  # fmt: skip
_ARCHIVES = (".tar", ".tgz", ".zip", ".gz", ".xz", ".bz2", ".zst")
_UNREADABLE_ARCHIVES = (".rar", ".7z")

FIRST_BYTES = (  # how the file starts, what it is, what to do
    (rb"%PDF", "a PDF", "export the page as PNG or take a screenshot"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file", "export it as PNG"),
    (rb"....ftyp(hei|hev|mif|msf)", "a HEIC photo", "share or export it as JPEG"),
    (rb"....ftypcrx|FUJIFILMCCD-RAW|II\x2a\x00....CR", "a raw photo", "export it as JPEG"),
    (rb"....(ftyp(?!avi)|moov)|\x1aE\xdf\xa3|RIFF....AVI", "a video", "take one frame as PNG"),
    (rb"....JXL |\xff\x0a", "a JPEG XL picture", "export it as JPEG or PNG"),
    (rb"....jP  |\xff\x4f\xff\x51", "a JPEG 2000 picture", "export it as JPEG or PNG"),
    (rb"8BPS", "a Photoshop document", "export it as PNG"),
    (rb"PK\x03\x04", "a ZIP archive or an office document", "take a picture out of it"),
    (rb"Rar!", "a RAR archive", "unpack it, or pack it as ZIP"),
    (rb"7z\xbc\xaf", "a 7-Zip archive", "unpack it, or pack it as ZIP"),
    (rb"\x1f\x8b", "a gzip archive", "unpack it"),
    (rb"\x93NUMPY", "a NumPy array", "save it as PNG"),
    (rb"\x89HDF", "an HDF5 file", "save a picture of it as PNG"),
    (rb".{128}DICM", "a DICOM file", "write pydicom.dcmread(PATH).pixel_array as a 16-bit PNG"),
    (rb"U\x4c=\x1e", "a matrix of NORB", "save the left pictures of that called dat: "
     "numpy.save('left.npy', numpy.fromfile(PATH, 'u1', offset=24).reshape(-1, 2, 96, 96)[:, 0])"),
    (rb"version https://git-lfs", "a pointer of Git LFS", "run git lfs pull where it came from"),
    (rb"SQLite format 3", "an SQLite database", "write its images as PNG"),
    (rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype )?html", "a web page", "download the file itself"),
    (rb"(?i)(\xef\xbb\xbf)?\s*(<.*)?<svg", "an SVG drawing", "export it as PNG"),
)  # fmt: skip

_NAMED_OTHERWISE = ("a pointer of Git LFS", "a web page", "a matrix of NORB")

HEAD = 4096
"""Bytes at the start of a file that tell its kind."""


def suffix_of(name: str) -> str:
    """Return a file's suffix in lower case, such as ``".png"``; fast, for millions of files."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > name.rfind("/") + 1 else ""


def stem_of(path: str) -> str:
    """Return the name of a file without its folders and its ending."""
    last = path.rpartition("/")[2]
    return last.rpartition(".")[0] or last


def kind_of_file(name: str) -> str:
    """Return the kind of a file by its name, in the plural, for files that are left out."""
    suffix = suffix_of(name)
    if _ANNOTATIONS.fullmatch(name.lower()):
        return "annotations of objects, which are not used"
    return _KIND_OF_SUFFIX.get(suffix, f"{suffix} files" if suffix else "files without a suffix")


def conversion_of(name: str) -> tuple[str, str] | None:
    """Return the kind of a file in an unreadable format, and how to convert it; None for others."""
    for pattern, kind, conversion in _CONVERSIONS:
        if re.fullmatch(pattern, name.lower()):
            return kind, conversion
    return None


def is_archive(name: str, *, readable: bool = True) -> bool:
    """Whether a file is an archive, judged by its name; optionally also one that cannot be read."""
    return name.lower().endswith(_ARCHIVES if readable else _ARCHIVES + _UNREADABLE_ARCHIVES)


def what_stands_in(head: bytes) -> tuple[str, str] | None:
    """Return the kind of a file that is not what its name says, and what to do with it."""
    found = kind_of_bytes(head)
    return found if found and found[0] in _NAMED_OTHERWISE else None


def kind_of_bytes(head: bytes) -> tuple[str, str] | None:
    """Return the kind of a file by its first bytes, in the singular, and what to do with it."""
    for start, kind, advice in FIRST_BYTES:
        if re.match(start, head, re.DOTALL):
            return kind, advice
    return None
