// Asks for the status every two seconds and for the charts every fifteen, and draws what comes.
// Whatever comes from outside becomes text, never markup.

import { barChart, lineChart, seriesColor } from "./charts.js";

const GIB = 2 ** 30;
const GOOD = ["ready", "busy", "draining", "running"];
const BAD = ["quarantined", "lost", "dead"];
const BUCKET_S = 900;
// In the order in which they are stacked: the frames first, since they take nearly all the time.
const STAGES = ["infer", "encode", "upload", "report", "prepare", "download", "confirm", "lease"];

const byId = (id) => document.getElementById(id);
const tone = (state) => (GOOD.includes(state) ? "good" : BAD.includes(state) ? "bad" : "wait");
const percent = (share) => `${Math.round(share * 100)} %`;

function span(seconds) {
  const s = Math.max(0, Math.floor(seconds)), two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor(s % 3600 / 60))}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor(s % 86400 / 3600))}h`;
}

function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content.filter((part) => part !== null));
  return made;
}

function meter(share, className) {
  const fill = element("i");
  fill.style.width = `${Math.min(100, Math.max(0, share * 100))}%`;
  return element("div", `meter ${className}`, fill);
}

function row(left, right) {
  return element("div", "row", element("span", "", left), element("span", "dim", right));
}

function tile(value, meaning, className) {
  return element("div", "tile", element("b", className ?? "", value), element("span", "dim", meaning));
}

function host(found) {
  if (found === null) return "";
  const gib = (bytes) => Math.round(bytes / GIB);
  const memory = `${gib(found.memory_used_bytes)} of ${gib(found.memory_total_bytes)} GiB memory`;
  const disk = `${Math.round(found.disk_free_bytes / 1e9)} GB disk free`;
  return `host: load ${found.load} on ${found.cores} cores · ${memory} · ${disk}`;
}

function drawPool(status) {
  const pool = status.pool;
  byId("pool").textContent = pool.id;
  byId("state").textContent = pool.state;
  byId("state").className = `pill ${tone(pool.state)}`;
  byId("facts").textContent =
    `${pool.mode} · up ${span(pool.uptime_s)} · pid ${pool.pid} · ${pool.api_url} · ${pool.version}`;
  byId("host").textContent = host(status.host);
  document.title = `${pool.id}: ${pool.state}`;
}

function spent(today) {
  if (today === null) return [];
  const dollars = (sum) => `$${sum.toFixed(2)}`;
  const of = (count, cap, words) => (cap === null ? words(count) : `${words(count)} of ${words(cap)}`);
  return [
    tile(of(today.usd_estimate, today.cap_usd, dollars), "spent today (UTC, estimate)"),
    tile(of(today.videos, today.cap_videos, String), "videos bought today"),
  ];
}

function drawTotals(status) {
  const totals = status.totals, works = status.slots.filter((slot) => GOOD.includes(slot.state));
  const when = totals.window_s >= 3600 ? "in the last hour" : `in ${span(totals.window_s)}`;
  const all = works.length === status.slots.length;
  const tiles = [
    tile(`${works.length} of ${status.slots.length}`, "slots work", all ? "good" : "bad"),
    tile(`${totals.videos}`, `videos ${when}`),
    tile(totals.worked_share === null ? "–" : percent(totals.worked_share), "of the time worked"),
    tile(`${totals.failed} / ${totals.lost}`, `failed / lost ${when}`),
  ];
  if (totals.key_refused_s !== null) {
    tiles.push(tile(span(totals.key_refused_s), "the key is refused (401)", "bad"));
  } else if (totals.poll_failures) {
    tiles.push(tile(`${totals.poll_failures}`, "times the queue was not reached", "bad"));
  } else if (totals.queue_empty_s !== null) {
    tiles.push(tile(span(totals.queue_empty_s), "the queue is empty", "wait"));
  }
  byId("totals").replaceChildren(...tiles, ...spent(status.spent_today));
}

function memory(gpu) {
  if (gpu.memory_used_bytes === null || !gpu.memory_total_bytes) return [];
  const used = gpu.memory_used_bytes, total = gpu.memory_total_bytes;
  const text = `${(used / GIB).toFixed(1)} of ${Math.round(total / GIB)} GiB`;
  return [row("memory", text), meter(used / total, "")];
}

function sensors(gpu) {
  const shown = [
    gpu.utilization_percent === null ? null : `load ${gpu.utilization_percent} %`,
    gpu.temperature_c === null ? null : `${gpu.temperature_c} °C`,
    gpu.power_w === null ? null : `${Math.round(gpu.power_w)} W`,
  ].filter((text) => text !== null);
  const brakes = (gpu.throttled_by ?? []).filter((brake) => brake !== "power cap");
  return [
    ...(shown.length ? [element("p", "", shown.join(" · "))] : []),
    ...(brakes.length ? [element("p", "reason wait", `slowed down by ${brakes.join(", ")}`)] : []),
  ];
}

function task(current) {
  const left = current.eta_s === null ? "" : `${span(current.eta_s)} left · `;
  const stage = current.steps ? `${current.stage} ${percent(current.progress)}` : current.stage;
  return [
    row(current.item_id.slice(0, 8), stage),
    meter(current.progress, "task"),
    element("p", "dim", `${left}lease ${span(current.lease_remaining_s)}`),
  ];
}

function card(slot) {
  const title = element("b", "", slot.slot), state = element("span", `pill ${tone(slot.state)}`, slot.state);
  const counts = `${slot.tasks_completed} done · ${slot.tasks_failed} failed · ${slot.tasks_lost} lost`;
  const last = slot.last_exit && `last restart ${slot.last_exit.at}: ${slot.last_exit.reason}`;
  const why = slot.reason ?? last;
  return element("article", `card ${tone(slot.state)}-card`,
    element("div", "row", element("span", "", title, " ",
      element("span", "dim", slot.device ? slot.device.name : "")), state),
    ...(slot.gpu ? [...memory(slot.gpu), ...sensors(slot.gpu)] : []),
    ...(slot.current ? task(slot.current) : []),
    element("p", "dim", `${counts} · ${slot.restarts} restart${slot.restarts === 1 ? "" : "s"}`),
    why ? element("p", `reason ${slot.reason ? tone(slot.state) : "dim"}`, why) : null,
  );
}

function points(history, slot, key) {
  return history.at.map((at, place) => [at, history.slots[slot][key][place]]);
}

function legend(names) {
  return names.map((name, number) => {
    const mark = element("i");
    mark.style.background = seriesColor(number);
    return element("span", "", mark, name);
  });
}

function slotCharts(history, names) {
  const known = (key) => names.some((name) => history.slots[name][key].some((v) => v !== null));
  const lines = (key) => names.map((name) => points(history, name, key));
  const most = (key) => Math.max(1, ...names.flatMap((name) => history.slots[name][key]));
  const charts = [];
  if (known("load_percent")) charts.push(lineChart("GPU load", lines("load_percent"), 100, history, (v) => `${v}%`));
  if (known("memory_bytes")) {
    const top = Math.ceil(most("memory_bytes") / GIB / 8) * 8 * GIB;
    charts.push(lineChart("GPU memory", lines("memory_bytes"), top, history, (v) => `${Math.round(v / GIB)}G`));
  }
  if (known("temperature_c")) charts.push(lineChart("Temperature", lines("temperature_c"), 100, history, (v) => `${v}°`));
  return charts;
}

function taskCharts(history) {
  const rates = history.buckets.map((bucket) => {
    const elapsed = Math.min(BUCKET_S, Math.max(60, history.to - bucket.at));
    return [bucket.at, [Math.round(bucket.videos * 3600 / elapsed)]];
  });
  const stages = history.buckets.map((b) => [b.at, STAGES.map((stage) => b.stage_s[stage] ?? 0)]);
  const sum = (parts) => parts.reduce((a, b) => a + b, 0);
  const top = (bars) => Math.max(4, Math.ceil(Math.max(0, ...bars.map(([, parts]) => sum(parts))) / 4) * 4);
  const stageChart = barChart("Time of a video by stage", stages, top(stages), history, (v) => `${v}s`, BUCKET_S);
  stageChart.append(element("div", "legend", ...legend(STAGES)));
  return [barChart("Videos an hour", rates, top(rates), history, (v) => `${v}`, BUCKET_S), stageChart];
}

function drawHistory(history) {
  const names = Object.keys(history.slots), charts = slotCharts(history, names);
  byId("legend").replaceChildren(...(charts.length ? legend(names) : []));
  byId("charts").replaceChildren(...charts, ...taskCharts(history));
  const lines = history.restarts.map((restart) => element("li", "",
    element("span", "dim", `${restart.at} `), element("b", "", restart.slot), ` ${restart.reason}`));
  byId("restarts").replaceChildren(...(lines.length ? lines : [element("li", "dim", "none")]));
}

function drawAbsence(words) {
  byId("state").textContent = words;
  byId("state").className = "pill bad";
}

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  return answer.json();
}

async function drawStatus() {
  const status = await ask("status.json");
  if (status === null) return drawAbsence("no pool");
  drawPool(status);
  drawTotals(status);
  byId("slots").replaceChildren(...status.slots.map(card));
}

function every(seconds, draw) {
  const round = async () => {
    if (!document.hidden) {
      try { await draw(); } catch { drawAbsence("no answer"); }
    }
    setTimeout(round, seconds * 1000);
  };
  round();
}

every(2, drawStatus);
every(15, async () => drawHistory(await ask("history.json")));
