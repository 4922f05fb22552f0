"use strict";
const rows = JSON.parse(document.getElementById("points").textContent);
const AXES = {
  accuracy: { label: "accuracy", unit: "%", of: (p) => 100 * p.accuracy, better: 1, digits: 2 },
  loss: { label: "accuracy lost", unit: "points", of: (p) => p.loss_points, better: -1, digits: 2 },
  macro_f1: { label: "macro F1", unit: "%", of: (p) => 100 * p.macro_f1, better: 1, digits: 2 },
  bytes: { label: "device bytes", unit: "B", of: (p) => p.bytes, better: -1, log: true, digits: 0 },
  stored: { label: "stored bytes", unit: "B", of: (p) => p.stored_bytes, better: -1, log: true, digits: 0 },
  instructions: { label: "instructions a decision", unit: "", of: (p) => p.instructions, better: -1, log: true, digits: 0 },
  energy: { label: "energy a decision, inference", unit: "uJ", of: (p) => p.energy_uj, better: -1, log: true, digits: 3 },
  quality: { label: "quality", unit: "dB", of: rating, better: 1, digits: 2 },
};
const BOX = { width: 980, height: 470, left: 74, right: 24, top: 18, bottom: 52 };
const field = (id) => document.getElementById(id);
const [axisX, axisY, chart, detail, hidden, body] = ["axis-x", "axis-y", "chart", "detail", "hidden", "rows"].map(field);
let current = rows.findIndex((p) => p.chosen);

function rating(p) {
  const weight = (name) => Number(field("weight-" + name).value) || 0;
  if (!(p.accuracy > 0) || (weight("instructions") && !p.instructions)) return null;
  const work = weight("instructions") ? weight("instructions") * Math.log10(p.instructions) : 0;
  return 20 * (weight("accuracy") * Math.log10(100 * p.accuracy) - weight("bytes") * Math.log10(p.bytes) - work);
}

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
const number = (value, digits) => value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const shown = (axis, p) => (known(axis.of(p)) ? `${number(axis.of(p), axis.digits)} ${axis.unit}`.trim() : "not known");

function frontOf(points, x, y) {
  const cost = (p) => [-x.better * x.of(p), -y.better * y.of(p)];
  const beats = (a, b) => a[0] <= b[0] && a[1] <= b[1] && (a[0] < b[0] || a[1] < b[1]);
  return new Set(points.filter((p) => !points.some((q) => beats(cost(q), cost(p)))));
}

function scaleOf(axis, points, from, to) {
  const at = axis.log ? Math.log10 : (v) => v;
  const values = points.map(axis.of);
  let low = at(Math.min(...values)), high = at(Math.max(...values));
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  [low, high] = [low - margin, high + margin];
  const place = (v) => from + ((at(v) - low) / (high - low)) * (to - from);
  return { place, ticks: axis.log ? logTicks(10 ** low, 10 ** high) : evenTicks(low, high) };
}

function evenTicks(low, high) {
  const rough = (high - low) / 6, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= rough);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); 10 ** e <= high; e++)
    for (const m of [1, 2, 5]) if (m * 10 ** e >= low && m * 10 ** e <= high) ticks.push(m * 10 ** e);
  return ticks.length > 1 ? ticks : evenTicks(low, high);
}

function element(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function tickText(v) {
  return Math.abs(v) >= 1000 ? number(v, 0) : String(Number(v.toPrecision(4)));
}

function drawAxes(x, y, sx, sy) {
  const [bottom, right] = [BOX.height - BOX.bottom, BOX.width - BOX.right];
  const title = (axis) => `${axis.label}${axis.unit && ` (${axis.unit})`}, ${axis.better > 0 ? "more" : "less"} is better`;
  for (const v of sx.ticks) {
    chart.append(element("line", { x1: sx.place(v), x2: sx.place(v), y1: BOX.top, y2: bottom, class: "grid" }));
    chart.append(element("text", { x: sx.place(v), y: bottom + 18, "text-anchor": "middle", class: "muted" }, tickText(v)));
  }
  for (const v of sy.ticks) {
    chart.append(element("line", { x1: BOX.left, x2: right, y1: sy.place(v), y2: sy.place(v), class: "grid" }));
    chart.append(element("text", { x: BOX.left - 8, y: sy.place(v) + 4, "text-anchor": "end", class: "muted" }, tickText(v)));
  }
  chart.append(element("text", { x: (BOX.left + right) / 2, y: BOX.height - 8, "text-anchor": "middle" }, title(x)));
  const middle = (BOX.top + bottom) / 2;
  chart.append(element("text", { x: 15, y: middle, "text-anchor": "middle", transform: `rotate(-90 15 ${middle})` }, title(y)));
}

function shapeOf(p, cx, cy, radius) {
  if (p.method !== "baseline") return element("circle", { cx, cy, r: radius });
  const r = radius * 1.25;
  return element("path", { d: `M${cx} ${cy - r}L${cx + r} ${cy}L${cx} ${cy + r}L${cx - r} ${cy}Z` });
}

function drawPoint(p, cx, cy, onFront) {
  const index = rows.indexOf(p);
  const group = element("g", { class: `point ${p.method === "baseline" ? "baseline" : "bits-" + p.bits}`, tabindex: index === current ? 0 : -1, role: "img", "data-index": index });
  group.setAttribute("aria-label", `${p.name}: ${shown(AXES[axisX.value], p)}, ${shown(AXES[axisY.value], p)}`);
  group.classList.toggle("on-front", onFront);
  if (p.chosen) group.append(element("circle", { cx, cy, r: 13, class: "chosen" }));
  group.append(shapeOf(p, cx, cy, onFront ? 7 : 5.5));
  if (p.method === "baseline" || p.chosen) {
    const left = cx > BOX.width * 0.72;
    group.append(element("text", { x: cx + (left ? -14 : 14), y: cy + 4, "text-anchor": left ? "end" : "start", class: "name" }, p.name));
  }
  group.addEventListener("pointerenter", () => show(index));
  group.addEventListener("focus", () => show(index));
  chart.append(group);
}

function drawFront(front, sx, sy, x, y) {
  const [first, ...others] = [...front].sort((a, b) => x.of(a) - x.of(b)).map((p) => [sx.place(x.of(p)).toFixed(1), sy.place(y.of(p)).toFixed(1)]);
  const step = ([h, v]) => (x.better < 0 ? `H${h}V${v}` : `V${v}H${h}`); // by the corner that is the worse for both
  chart.append(element("path", { d: `M${first.join(" ")}${others.map(step).join("")}`, class: "front" }));
}

function separate(labels) {
  labels.sort((a, b) => a.getAttribute("y") - b.getAttribute("y"));
  const boxes = [];
  for (const label of labels) {
    let box = label.getBBox();
    for (const other of boxes) {
      const apart = box.x > other.x + other.width || other.x > box.x + box.width || box.y >= other.y + other.height;
      if (!apart) label.setAttribute("y", Number(label.getAttribute("y")) + other.y + other.height - box.y);
      box = label.getBBox();
    }
    boxes.push(box);
  }
}

function draw() {
  const [x, y] = [AXES[axisX.value], AXES[axisY.value]];
  const points = rows.filter((p) => known(x.of(p)) && known(y.of(p)));
  const missing = rows.length - points.length;
  hidden.textContent = missing ? `${missing} of ${rows.length} settings have no value on these axes and are not drawn.` : "";
  chart.replaceChildren();
  if (points.length) {
    const sx = scaleOf(x, points, BOX.left, BOX.width - BOX.right), sy = scaleOf(y, points, BOX.height - BOX.bottom, BOX.top);
    const front = frontOf(points, x, y);
    drawAxes(x, y, sx, sy);
    drawFront(front, sx, sy, x, y);
    for (const p of points) drawPoint(p, sx.place(x.of(p)), sy.place(y.of(p)), front.has(p));
    separate([...chart.querySelectorAll("text.name")]);
  }
  fillTable();
  show(current);
}

function show(index) {
  current = index;
  const p = rows[index];
  if (!p) return;
  for (const group of chart.querySelectorAll(".point")) {
    const is = Number(group.dataset.index) === index;
    group.classList.toggle("current", is);
    group.setAttribute("tabindex", is ? 0 : -1);
  }
  for (const row of body.rows) row.classList.toggle("current", Number(row.dataset.index) === index);
  const facts = Object.values(AXES).map((axis) => `${axis.label} ${shown(axis, p)}`);
  const marks = [p.chosen && "chosen", p.method === "baseline" && "baseline", p.on_front && "on the front of bytes and loss", !p.runs_on_device && "does not run on the device"].filter(Boolean);
  const name = document.createElement("strong");
  name.textContent = p.name;
  detail.replaceChildren(name, ` ${marks.length ? `(${marks.join(", ")})` : ""} ${facts.join(" \u00b7 ")} \u00b7 ${number(100 * p.sparsity, 1)} % pruned \u00b7 ${p.bits} bit`);
}

function walk(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const x = AXES[axisX.value];
  const drawn = [...chart.querySelectorAll(".point")].sort((a, b) => x.of(rows[a.dataset.index]) - x.of(rows[b.dataset.index]));
  const at = drawn.findIndex((group) => Number(group.dataset.index) === current);
  drawn[(at + step + drawn.length) % drawn.length].focus();
}

let order = { key: "bytes", sign: 1 };
function fillTable() {
  const axis = AXES[order.key];
  const value = (p) => (order.key === "name" ? p.name : axis.of(p) ?? Infinity);
  const sorted = rows.map((p, index) => [p, index]).sort(([a], [b]) => order.sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
  body.replaceChildren(...sorted.map(([p, index]) => rowOf(p, index)));
}

function rowOf(p, index) {
  const row = document.createElement("tr");
  row.dataset.index = index;
  const head = document.createElement("th");
  head.textContent = p.name + (p.chosen ? " \u2713" : "");
  row.append(head, ...Object.values(AXES).map((axis) => {
    const cell = document.createElement("td");
    cell.textContent = known(axis.of(p)) ? number(axis.of(p), axis.digits) : "\u2013";
    return cell;
  }));
  row.addEventListener("pointerenter", () => show(index));
  return row;
}

for (const select of [axisX, axisY])
  for (const [key, axis] of Object.entries(AXES)) select.add(new Option(axis.label, key));
[axisX.value, axisY.value] = ["bytes", "accuracy"];
for (const id of ["axis-x", "axis-y", "weight-accuracy", "weight-bytes", "weight-instructions"]) field(id).addEventListener("input", draw);
for (const button of document.querySelectorAll("button[data-sort]"))
  button.addEventListener("click", () => {
    order = { key: button.dataset.sort, sign: order.key === button.dataset.sort ? -order.sign : 1 };
    fillTable();
    show(current);
  });
chart.addEventListener("keydown", walk);
draw();
