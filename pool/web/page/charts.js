// Small charts in SVG. Values are [seconds since 1970, number or null]; a gap in them is a gap in
// the line, since a straight line over it would be a guess.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 360, HEIGHT = 140, LEFT = 40, RIGHT = 6, TOP = 8, BOTTOM = 20;
const GAP_S = 60;

export function seriesColor(number) {
  return `var(--series-${number % 8})`;
}

function node(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function frame(title, top, span, unit) {
  const box = document.createElement("div");
  box.className = "chart";
  const heading = document.createElement("h3");
  heading.textContent = title;
  const svg = node("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title,
  });
  const x = (at) => LEFT + (WIDTH - LEFT - RIGHT) * (at - span.from) / (span.to - span.from);
  const y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
  for (const share of [0, 0.5, 1]) {
    const level = y(top * share);
    svg.append(node("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: level, y2: level }));
    svg.append(node("text", { x: LEFT - 4, y: level + 4, "text-anchor": "end" }, unit(top * share)));
  }
  const hour = new Date(span.from * 1000);
  hour.setMinutes(60, 0, 0);
  for (let at = hour.getTime() / 1000; at < span.to; at += 7200) {
    const label = new Date(at * 1000).toTimeString().slice(0, 5);
    svg.append(node("text", { x: x(at), y: HEIGHT - 5, "text-anchor": "middle" }, label));
  }
  box.append(heading, svg);
  return { box, svg, x, y };
}

function path(points, x, y) {
  let text = "", last = null;
  for (const [at, value] of points) {
    if (value === null) { last = null; continue; }
    const pen = last !== null && at - last < GAP_S ? "L" : "M";
    text += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    last = at;
  }
  return text;
}

// `lines`: one list of points for each slot.
export function lineChart(title, lines, top, span, unit) {
  const { box, svg, x, y } = frame(title, top, span, unit);
  lines.forEach((points, number) => svg.append(node("path", {
    d: path(points, x, y), fill: "none", stroke: seriesColor(number), "stroke-width": 1.5,
    "vector-effect": "non-scaling-stroke",
  })));
  return box;
}

// `bars`: [at, [a number for each part]]; the parts stand on one another.
export function barChart(title, bars, top, span, unit, widthS) {
  const { box, svg, x, y } = frame(title, top, span, unit);
  for (const [at, parts] of bars) {
    let base = 0;
    parts.forEach((value, number) => {
      if (!value) return;
      const from = Math.max(x(at), LEFT);
      svg.append(node("rect", {
        x: from, width: Math.max(1, Math.min(x(at + widthS), WIDTH - RIGHT) - from - 1),
        y: y(base + value), height: y(base) - y(base + value), fill: seriesColor(number),
      }));
      base += value;
    });
  }
  return box;
}
