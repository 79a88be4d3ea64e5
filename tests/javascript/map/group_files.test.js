import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf, headingsOf } from "../../../static/live/parts/map/group_files.js";
import { Model } from "../../../static/live/shared/model.js";
import { payload } from "../models.js";

test("a group's table has a line for each image, with its class, latent and quantities", () => {
  const columns = [{ name: "kl", title: "KL", unit: "nats" }];
  const classes = ["left", "right, or up"];
  const model = new Model(payload({ columns, classes }, { kl: Float32Array.of(2.5, 0.75) }));
  assert.deepEqual(csvOf(model, Uint32Array.of(1)).split("\n"), [
    "test_image,label,class,z_mean_1,z_mean_2,kl_nats",
    '1,1,"right, or up",1.00000,0.00000,0.750000',
    "",
  ]);
});

test("columns of a file have names that are their own, with units", () => {
  const columns = [
    { name: "negElbo", title: "−ELBO", unit: "nats" },
    { name: "returnDistance", title: "return distance", unit: "" },
    { name: "column:半径", title: "半径", unit: "" },
    { name: "column:a b", title: "a b", unit: "" },
    { name: "column:label", title: "label", unit: "" },
  ];
  const expected = ["neg_elbo_nats", "return_distance", "半径", "a b", "column label"];
  assert.deepEqual(headingsOf(columns), expected);
});
