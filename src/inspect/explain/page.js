"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const sides = ["before", "after"];
let method = 0;

const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

// An element with text or children; text never becomes markup.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// One of the two graphs: where it is looked at, and its nodes.
class Pane {
  constructor(side) {
    this.side = side;
    this.svg = byId(side);
    this.view = this.svg.querySelector(".view");
    this.graphs = [...this.view.querySelectorAll(":scope > .graph")];
    Object.assign(this, { x: 0, y: 0, k: 1, cursor: -1 });
    this.listen();
  }

  get answers() {
    const of = data.methods[method];
    return of ? (this.side === "before" ? of.originals : of.nodes) : [];
  }

  show() {
    this.graphs.forEach((graph, i) => graph.toggleAttribute("hidden", i !== method));
    this.graph = this.graphs[method];
    this.nodes = new Map();
    this.order = [];
    this.edges = this.graph ? [...this.graph.querySelectorAll(".edge")] : [];
    const about = new Map(this.answers.map((node) => [String(node.id), node]));
    for (const element of this.graph ? this.graph.querySelectorAll(".node[data-node]") : []) {
      const node = about.get(element.dataset.node);
      if (!node) continue;
      element.id = `${this.side}-${method}-${node.id}`;
      element.setAttribute("aria-label", node.op);
      this.nodes.set(node.id, element);
      this.order.push(node.id);
    }
    byId(`${this.side}-count`).textContent = counted(this.answers.length, "node");
    this.cursor = -1;
    this.start();
  }

  place(glide) {
    this.view.classList.toggle("gliding", Boolean(glide));
    this.view.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.k})`;
  }

  get size() {
    const box = this.svg.getBoundingClientRect();
    return { width: box.width, height: box.height, left: box.left, top: box.top };
  }

  // The top of the graph, as large as it can be read.
  start() {
    if (!this.graph) return;
    const { width } = this.size;
    const own = Number(this.graph.dataset.width) || 1;
    this.k = Math.min(1, Math.max(0.45, (width - 40) / own));
    const first = this.nodes.get(this.order[0]);
    this.x = (width - own * this.k) / 2;
    this.y = 20;
    this.place();
    if (first && own * this.k > width) {
      const box = this.box([this.order[0]]);
      this.x = width / 2 - (box.x + box.width / 2) * this.k;
      this.place();
    }
  }

  fit() {
    if (!this.graph) return;
    const { width, height } = this.size;
    const [w, h] = [Number(this.graph.dataset.width) || 1, Number(this.graph.dataset.height) || 1];
    this.k = Math.min(1, (width - 30) / w, (height - 30) / h);
    this.x = (width - w * this.k) / 2;
    this.y = (height - h * this.k) / 2;
    this.place(true);
  }

  zoom(factor, at) {
    const { width, height } = this.size;
    const { x, y } = at || { x: width / 2, y: height / 2 };
    const k = Math.min(4, Math.max(0.01, this.k * factor));
    this.x = x - ((x - this.x) * k) / this.k;
    this.y = y - ((y - this.y) * k) / this.k;
    this.k = k;
    this.place();
  }

  // What holds these nodes, in the graph's own measure.
  box(ids) {
    const found = ids.map((id) => this.nodes.get(id)).filter(Boolean);
    if (!found.length) return null;
    const inverse = this.view.getScreenCTM().inverse();
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const element of found) {
      const rect = element.querySelector(".box").getBoundingClientRect();
      const a = new DOMPoint(rect.left, rect.top).matrixTransform(inverse);
      const b = new DOMPoint(rect.right, rect.bottom).matrixTransform(inverse);
      [left, top] = [Math.min(left, a.x), Math.min(top, a.y)];
      [right, bottom] = [Math.max(right, b.x), Math.max(bottom, b.y)];
    }
    return { x: left, y: top, width: right - left, height: bottom - top };
  }

  // Brings these nodes into view; nearer only if they are too small to read.
  reveal(ids) {
    this.view.classList.remove("gliding");
    const box = this.box(ids);
    if (!box) return;
    const { width, height } = this.size;
    const all = Math.min((width - 60) / box.width, (height - 60) / box.height);
    this.k = Math.min(Math.max(this.k, 0.6), Math.max(all, 0.05), 1.2);
    this.x = width / 2 - (box.x + box.width / 2) * this.k;
    this.y = height / 2 - (box.y + box.height / 2) * this.k;
    this.place(true);
  }

  mark(name, ids) {
    const wanted = new Set(ids);
    for (const [id, element] of this.nodes) element.classList.toggle(name, wanted.has(id));
  }

  // Dims all but these; with nothing, dims nothing.
  brighten(ids) {
    this.svg.classList.toggle("dimmed", ids !== null);
    this.mark("bright", ids || []);
  }

  light(id) {
    for (const edge of this.edges) {
      const touches = edge.dataset.node === String(id) || (edge.dataset.to || "").split(" ").includes(String(id));
      edge.classList.toggle("lit", id !== null && touches);
    }
  }

  step(by) {
    if (!this.order.length) return;
    const last = this.order.length - 1;
    this.cursor = this.cursor < 0 ? (by > 0 ? 0 : last) : Math.min(last, Math.max(0, this.cursor + by));
    const id = this.order[this.cursor];
    this.mark("cursor", [id]);
    this.svg.setAttribute("aria-activedescendant", this.nodes.get(id).id);
    this.reveal([id]);
  }

  listen() {
    let from = null;
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY, left: this.x, top: this.y, moved: false, target: event.target };
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!from.moved && Math.hypot(dx, dy) < 4) return;
      if (!from.moved) this.svg.setPointerCapture(event.pointerId);
      from.moved = true;
      this.x = from.left + dx;
      this.y = from.top + dy;
      this.place();
    });
    this.svg.addEventListener("pointerup", () => {
      const [was, node] = [from, from && from.target.closest(".node[data-node]")];
      from = null;
      if (!was || was.moved) return;
      if (node) choose(this.side, Number(node.dataset.node));
      else choose(null);
    });
    this.svg.addEventListener("pointercancel", () => (from = null));
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { left, top } = this.size;
      const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      this.zoom(Math.exp(-pixels * 0.0016), { x: event.clientX - left, y: event.clientY - top });
    }, { passive: false });
    this.svg.addEventListener("keydown", (event) => {
      const keys = {
        ArrowDown: () => this.step(1), ArrowRight: () => this.step(1),
        ArrowUp: () => this.step(-1), ArrowLeft: () => this.step(-1),
        Home: () => { this.cursor = 0; this.step(0); }, End: () => { this.cursor = this.order.length - 1; this.step(0); },
        Enter: () => this.cursor >= 0 && choose(this.side, this.order[this.cursor]),
        " ": () => this.cursor >= 0 && choose(this.side, this.order[this.cursor]),
        "+": () => this.zoom(1.25), "=": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.fit(),
      };
      if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        keys[event.key]();
      }
    });
  }
}

const panes = Object.fromEntries(sides.map((side) => [side, new Pane(side)]));
const other = (side) => panes[side === "before" ? "after" : "before"];
const colour = (rule) => `var(--r${rule % 12})`;
const dot = (fill) => make("span", { class: "dot", style: `background: ${fill}` });

// Shows how a node came to be, or what became of it.
function choose(side, id) {
  for (const name of sides) {
    panes[name].mark("chosen", []);
    panes[name].mark("related", []);
    panes[name].mark("cursor", []);
    panes[name].light(null);
    panes[name].brighten(null);
  }
  press(null);
  if (!side) return overview();
  const pane = panes[side];
  const node = pane.answers.find((node) => node.id === id);
  if (!node) return overview();
  pane.cursor = pane.order.indexOf(id);
  pane.mark("chosen", [id]);
  pane.light(id);
  const related = side === "before" ? node.into : node.originals;
  const there = other(side);
  there.mark("related", related);
  if (related.length) {
    there.brighten(related);
    there.reveal(related);
  }
  const panel = byId("details");
  panel.replaceChildren(make("h3", {}, node.op));
  if (node.place) panel.append(make("p", { class: "soft" }, node.place));
  panel.append(make("pre", { class: "statement" }, node.statement));
  if (side === "after") derivation(panel, node);
  else becoming(panel, node);
  panel.scrollTop = 0;
}

function derivation(panel, node) {
  if (!node.rules.length) {
    const kept = node.originals.length > 0;
    panel.append(make("h4", {}, kept ? "As in the model" : "Written by the pipeline"));
    const why = kept ? "No rule changed this node." : "A step of the pipeline wrote this node; no rule did.";
    panel.append(make("p", {}, why));
  } else {
    panel.append(make("h4", {}, node.rules.length > 1 ? "Made by these rules, in order" : "Made by this rule"));
    const list = make("ol", { class: "rules" });
    node.rules.forEach((use, i) => {
      const rule = data.rules[use.rule];
      const name = use.instance || rule.rule;
      const summary = make("summary", {}, dot(colour(use.rule)), make("b", {}, name));
      const block = make("details", {}, summary, make("p", { class: "soft" }, `${rule.rule}, ${rule.path}:${rule.line}, ${rule.numerics}`), source(rule));
      if (i === node.rules.length - 1) block.open = true;
      list.append(make("li", {}, block));
    });
    panel.append(list);
  }
  links(panel, "Made of", "before", node.originals);
}

function becoming(panel, node) {
  if (node.into.length) return links(panel, "Became", "after", node.into);
  panel.append(make("h4", {}, "Gone"));
  panel.append(make("p", {}, "Nothing of the result was made of this node: its value is a constant now, or nobody needs it."));
}

function source(rule) {
  const pre = make("pre", { class: "source" });
  rule.source.split("\n").forEach((line, i) => {
    pre.append(make("span", { class: "number" }, `${String(rule.line + i).padStart(4)}  `), `${line}\n`);
  });
  return pre;
}

function links(panel, title, side, ids) {
  if (!ids.length) return;
  panel.append(make("h4", {}, title));
  const about = new Map(panes[side].answers.map((node) => [node.id, node]));
  const list = make("ul", { class: "links" });
  for (const id of ids) {
    const node = about.get(id);
    if (!node) continue;
    const button = make("button", { class: "link" }, make("code", {}, node.op));
    if (node.place) button.append(make("span", { class: "soft" }, node.place));
    button.addEventListener("click", () => choose(side, id));
    button.addEventListener("mouseenter", () => panes[side].mark("cursor", [id]));
    button.addEventListener("mouseleave", () => panes[side].mark("cursor", []));
    list.append(make("li", {}, button));
  }
  panel.append(list);
}

// What is told when no node is chosen.
function overview() {
  const panel = byId("details");
  const of = data.methods[method];
  panel.replaceChildren(make("h3", {}, "How the result came to be"));
  if (!of) return panel.append(make("p", {}, "No rule worked on this model."));
  const kept = of.nodes.filter((node) => !node.rules.length && node.originals.length).length;
  const made = of.nodes.filter((node) => node.rules.length).length;
  const gone = of.originals.filter((node) => !node.into.length).length;
  const rest = of.nodes.length - kept - made;
  const facts = [
    [made, "made by rules"], [kept, "as in the model"], [rest, "written by steps of the pipeline"],
    [gone, "of the model gone: a constant now, or not needed"],
  ];
  const table = make("div", { class: "facts" });
  for (const [n, what] of facts) if (n) table.append(make("b", {}, String(n)), make("span", {}, what));
  panel.append(table);
  panel.append(make("p", {}, "Choose a node on either side to see what it was made of, or what became of it."));
  if (of.unused.length) {
    panel.append(make("h4", {}, "Rules that acted in vain"));
    const list = make("ul", { class: "unused" });
    for (const unused of of.unused) {
      list.append(make("li", {}, make("b", {}, unused.rule), ` ${counted(unused.count, "time")}`, make("div", { class: "soft" }, unused.why.map(reason).join("; "))));
    }
    panel.append(list);
  }
  const keys = [["drag", "move"], ["wheel", "zoom"], ["/", "search"], ["arrows", "walk the nodes of a graph"], ["Enter", "explain the node"], ["0", "show all"], ["Esc", "start again"]];
  panel.append(make("h4", {}, "Keys"));
  const help = make("div", { class: "keys" });
  for (const [key, what] of keys) help.append(make("kbd", {}, key), make("span", {}, what));
  panel.append(help);
}

function reason(why) {
  const signed = (n) => (n > 0 ? `+${n}` : String(n));
  return {
    cost: () => (why.products || why.operations || why.bytes ? `${why.count} would cost ${why.products ? `${signed(why.products)} products, ` : ''}${signed(why.operations)} operations, ${signed(why.bytes)} bytes` : `${why.count} would cost the same`),
    not_asked: () => `${why.count} more alike`,
    not_needed: () => `${why.count} not needed by the result`,
    not_writable: () => `${why.count} only note something for other rules`,
    circular: () => `${why.count} rest on what they would replace`,
    only_equal: () => `${why.count} found values equal and made no node`,
  }[why.why]();
}

// The rules that made something, as buttons that show their nodes.
function legend() {
  const bar = byId("legend");
  bar.replaceChildren();
  const of = data.methods[method];
  if (!of) return;
  const counts = new Map();
  for (const node of of.nodes) {
    const last = node.rules[node.rules.length - 1];
    if (last) counts.set(last.rule, (counts.get(last.rule) || 0) + 1);
  }
  const entries = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const made = (rule) => of.nodes.filter((node) => node.rules.length && node.rules[node.rules.length - 1].rule === rule);
  const add = (label, count, fill, nodes) => {
    const chip = make("button", { class: "chip", "aria-pressed": "false" }, dot(fill), label, make("span", { class: "n" }, String(count)));
    chip.addEventListener("click", () => {
      const on = chip.getAttribute("aria-pressed") !== "true";
      choose(null);
      if (!on) return;
      press(chip);
      const found = nodes();
      const originals = [...new Set(found.flatMap((node) => node.originals))];
      panes.after.brighten(found.map((node) => node.id));
      panes.before.brighten(originals);
      panes.after.reveal(found.slice(0, 1).map((node) => node.id));
      panes.before.reveal(found.slice(0, 1).flatMap((node) => node.originals));
    });
    bar.append(chip);
  };
  for (const [rule, count] of entries) add(data.rules[rule].rule, count, colour(rule), () => made(rule));
  const kept = () => of.nodes.filter((node) => !node.rules.length);
  if (kept().length) add("unchanged", kept().length, "var(--kept)", kept);
}

function press(chip) {
  for (const other of document.querySelectorAll(".chip")) other.setAttribute("aria-pressed", String(other === chip));
}

let hits = [];
let hit = -1;

function search() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  choose(null);
  hits = [];
  hit = -1;
  const counts = [];
  for (const side of sides) {
    const pane = panes[side];
    const matches = (node) => words.every((word) => node.statement.toLowerCase().includes(word));
    const found = words.length ? pane.answers.filter(matches).map((node) => node.id) : [];
    pane.mark("hit", found);
    pane.brighten(words.length ? found : null);
    if (found.length) pane.reveal(found.slice(0, 1));
    hits.push(...found.map((id) => [side, id]));
    counts.push(`${found.length} ${side}`);
  }
  byId("hits").textContent = words.length ? counts.join(", ") : "";
}

byId("search").addEventListener("input", search);
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && hits.length) {
    event.preventDefault();
    hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
    choose(...hits[hit]);
    panes[hits[hit][0]].reveal([hits[hit][1]]);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    byId("search").value = "";
    search();
  } else if (event.key === "/" && !event.target.closest("input, select")) {
    event.preventDefault();
    byId("search").focus();
    byId("search").select();
  }
});
byId("in").addEventListener("click", () => sides.forEach((side) => panes[side].zoom(1.25)));
byId("out").addEventListener("click", () => sides.forEach((side) => panes[side].zoom(0.8)));
byId("fit").addEventListener("click", () => sides.forEach((side) => panes[side].fit()));
byId("method").addEventListener("change", () => {
  method = Number(byId("method").value);
  show();
});
byId("method").hidden = data.methods.length < 2;

function show() {
  sides.forEach((side) => panes[side].show());
  legend();
  choose(null);
}
show();
