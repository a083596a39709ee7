"use strict";
(() => {
  const STEPS = 16, NO_SCORE = 255;
  const $ = id => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { layers, kvHeads, promptTokens } = data;
  const length = data.ids.length, cached = data.cachedTokens, rows = layers * kvHeads, rowBytes = Math.ceil(length / 8);

  // ---- the data: little-endian floats [layers, kvHeads, prompt], bitmaps [layers, kvHeads, ceil(tokens / 8)] with the lowest bit first

  function bytes(base64) {
    const text = atob(base64), all = new Uint8Array(text.length);
    for (let i = 0; i < all.length; i++) all[i] = text.charCodeAt(i);
    return all;
  }

  function floats(base64) {
    const view = new DataView(bytes(base64).buffer), all = new Float32Array(view.byteLength / 4);
    for (let i = 0; i < all.length; i++) all[i] = view.getFloat32(4 * i, true);
    return all;
  }

  const scores = data.hasScores ? floats(data.scores) : null;
  const maps = { kept: bytes(data.kept), keptEnd: bytes(data.keptEnd), safe: bytes(data.protected), safeEnd: bytes(data.protectedEnd) };
  const has = (map, row, i) => (map[row * rowBytes + (i >> 3)] >> (i & 7) & 1) === 1;
  const scoreOf = (row, i) => scores && i < promptTokens ? scores[row * promptTokens + i] : NaN;

  function count(map, row, from, to) {
    let n = 0;
    for (let i = from; i < to; i++) if (has(map, row, i)) n++;
    return n;
  }

  // ---- scales

  const sortedRows = new Array(rows);

  /** Scores of a head that are numbers, ascending. */
  function sorted(row) {
    return sortedRows[row] ??= scores ? scores.subarray(row * promptTokens, (row + 1) * promptTokens).filter(s => s === s).sort() : new Float32Array(0);
  }

  /** How many of ascending values are at most this. */
  function notAbove(values, value) {
    let low = 0, high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** 1 for the best; equal scores share a rank. */
  const rankOf = (row, score) => sorted(row).length - notAbove(sorted(row), score) + 1;

  const canLog = !scores || scores.every(s => !(s < 0));

  /** A function from a score of the row to 0..1. */
  function shareOf(row, scale) {
    const values = sorted(row), most = values[values.length - 1];
    if (values.length === 0) return () => 0;
    if (scale === "rank") return s => values.length > 1 ? (notAbove(values, s) - 1) / (values.length - 1) : 1;
    let least = values[0];
    if (scale === "linear") return s => most > least ? (s - least) / (most - least) : 0.5;
    least = values[notAbove(values, 0)];
    return s => s <= 0 || least === undefined ? 0 : most > least ? Math.log(s / least) / Math.log(most / least) : 0.5;
  }

  const stepsByScale = {};

  /** [rows, prompt] step of the ramp, NO_SCORE where there is none. */
  function steps(scale) {
    if (stepsByScale[scale]) return stepsByScale[scale];
    const all = new Uint8Array(rows * promptTokens).fill(NO_SCORE);
    for (let row = 0; scores && row < rows; row++) {
      const share = shareOf(row, scale);
      for (let i = row * promptTokens; i < (row + 1) * promptTokens; i++) {
        if (scores[i] === scores[i]) all[i] = Math.max(0, Math.min(STEPS - 1, Math.floor(share(scores[i]) * STEPS)));
      }
    }
    return stepsByScale[scale] = all;
  }

  // ---- words

  const group = n => Math.round(n).toLocaleString("en-US");
  const percent = (n, of) => (of ? 100 * n / of : 0).toFixed(1) + " %";
  const plural = (n, one) => `${group(n)} ${one}${n === 1 ? "" : "s"}`;
  const shown = s => s === 0 ? "0" : Math.abs(s) >= 1e-3 && Math.abs(s) < 1e5 ? String(Number(s.toPrecision(5))) : s.toExponential(3);
  const code = c => "\u2039U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "\u203A";

  /** What of a text would act, or not be seen, as a sign for it. Joiners and variation selectors stay: emoji are made of them. */
  function visible(text) {
    return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, c => {
      if (c === "\u200D" || c === "\u200C") return c;
      if (c === "\n") return "\u23CE\n";
      if (c === "\t") return "\u21E5";
      const at = c.codePointAt(0);
      return at < 32 ? String.fromCharCode(0x2400 + at) : at === 127 ? "\u2421" : code(c);
    });
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function facts() {
    const policy = data.policy, bytesOf = n => `${group(n)} (${percent(n, data.cacheBytes.full)})`;
    const add = (name, value) => {
      const entry = element("div");
      entry.append(element("dt", "", name), element("dd", "", value));
      $("facts").append(entry);
    };
    add("policy", policy ? policy.name : "none: the full cache");
    if (policy && Object.keys(policy.parameters).length) add("parameters", Object.entries(policy.parameters).map(([k, v]) => `${k}=${v}`).join("  "));
    add("model", data.model);
    add("device", data.device);
    add("tokens", `${group(promptTokens)} in the prompt, ${group(data.generatedTokens)} generated, stopped by ${data.stop}`);
    if (data.budget !== null) add("budget k per head", `${group(Math.min(data.budget, promptTokens))} of ${group(promptTokens)}` + (data.decodeBudget === null ? "" : `; ${group(data.decodeBudget)} in the last step`));
    add("bytes: full", group(data.cacheBytes.full));
    add("after the prefill", bytesOf(data.cacheBytes.afterPrefill));
    add("at the end", bytesOf(data.cacheBytes.end));
    add("at the peak", bytesOf(data.cacheBytes.peak));
    add("seconds", Object.entries(data.seconds).map(([k, v]) => `${k} ${v.toFixed(3)}`).join(", "));
    for (const note of data.notes) $("notes").append(element("li", "", note));
    $("lead").textContent = `${plural(layers, "layer")}, ${plural(kvHeads, "KV head")} each.` + (scores ? "" : " There are no scores.");
  }

  // ---- the two texts

  const panels = [
    { id: "prefill", to: promptTokens, map: maps.kept, safe: maps.safe, tokens: [], shots: [], active: -1 },
    { id: "end", to: length, map: maps.keptEnd, safe: maps.safeEnd, tokens: [], shots: [], active: -1 },
  ];

  function build(panel) {
    const root = document.createDocumentFragment();
    let box = root, shot = -1, generated = false;
    for (let i = 0; i < panel.to; i++) {
      const number = i < data.shots.length ? data.shots[i] : -1;
      if (i >= promptTokens && !generated) {
        generated = true;
        root.append(box = element("span", "generated"));
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", "generated");
        box.append(element("span", "label", "generated"));
      } else if (i < promptTokens && number !== shot) {
        box = root;
        if (number >= 0) {
          root.append(box = element("span", "shot"));
          box.dataset.shot = number;
          box.setAttribute("role", "group");
          box.append(element("span", "label"));
          panel.shots.push({ box, number, tokens: [] });
        }
      }
      shot = number;
      if (number >= 0) panel.shots[panel.shots.length - 1].tokens.push(i);
      const token = element("span", "t", data.texts[i] === "" ? "\u00B7" : visible(data.texts[i]));
      token.id = `${panel.id}-${i}`;
      token.dataset.i = i;
      token.setAttribute("role", "option");
      panel.tokens.push(token);
      box.append(token);
    }
    $(panel.id).replaceChildren(root);
  }

  function classOf(panel, row, i, all) {
    const step = i < promptTokens ? all[row * promptTokens + i] : NO_SCORE;
    let name = (step === NO_SCORE ? "t none" : "t s" + step) + (data.texts[i] === "" ? " part" : "");
    if (i >= cached) return name + " uncached";
    if (has(panel.map, row, i)) return name + (has(panel.safe, row, i) ? " kept protected" : " kept");
    return name + (panel.id === "end" && (i >= promptTokens || has(maps.kept, row, i)) ? " late" : " gone");
  }

  function paint(panel, row, all) {
    for (let i = 0; i < panel.tokens.length; i++) {
      const name = classOf(panel, row, i, all) + (i === panel.active ? " active" : "");
      if (panel.tokens[i].className !== name) panel.tokens[i].className = name;
    }
    for (const shot of panel.shots) {
      const kept = shot.tokens.filter(i => has(panel.map, row, i)).length, of = shot.tokens.length;
      shot.box.className = kept === 0 ? "shot lost" : "shot";
      const words = `shot ${shot.number}: ${kept === of ? "kept" : kept === 0 ? "dropped" : `${kept} of ${of} tokens kept`}`;
      shot.box.firstChild.textContent = words;
      shot.box.setAttribute("aria-label", words);
    }
  }

  function overlap(map, row) {
    const first = Math.floor(row / kvHeads) * kvHeads, of = map === maps.kept ? promptTokens : cached;
    let both = 0, any = 0;
    for (let other = first; other < first + kvHeads; other++) {
      if (other === row) continue;
      for (let i = 0; i < of; i++) {
        const a = has(map, row, i), b = has(map, other, i);
        if (a && b) both++;
        if (a || b) any++;
      }
    }
    return kvHeads > 1 ? ` Shared with the layer's other heads: ${percent(both, any)} of what either keeps.` : "";
  }

  function describe(row) {
    const kept = count(maps.kept, row, 0, promptTokens), safe = count(maps.safe, row, 0, promptTokens);
    const end = count(maps.keptEnd, row, 0, cached), old = count(maps.keptEnd, row, 0, promptTokens), made = cached - promptTokens;
    $("prefill-words").textContent = `${group(kept)} of ${plural(promptTokens, "token")} kept (${percent(kept, promptTokens)}), ${group(safe)} of them did not compete.` + overlap(maps.kept, row);
    $("end-words").textContent = made === 0 ? "Nothing was decoded: as after the prefill."
      : `${group(end)} of ${plural(cached, "token")} kept (${percent(end, cached)}). Decoding evicted ${group(kept - old)} of the prompt and ${group(made - (end - old))} of the ${group(made)} that it added.` + overlap(maps.keptEnd, row);
  }

  function legend(row, scale) {
    const values = sorted(row), none = values.length === 0;
    $("least").textContent = none ? "no scores" : scale === "rank" ? `rank ${group(values.length)}` : shown(scale === "log" ? values[Math.min(notAbove(values, 0), values.length - 1)] : values[0]);
    $("most").textContent = none ? "" : scale === "rank" ? "rank 1" : shown(values[values.length - 1]);
  }

  // ---- one token in words

  function phaseWords(panel, row, i) {
    if (i >= cached) return "not in the cache";
    const name = classOf(panel, row, i, steps(state.scale));
    return / protected/.test(name) ? "kept without competing" : / kept/.test(name) ? "kept" : / late/.test(name) ? "evicted while decoding" : "dropped after the prefill";
  }

  function detail(panel, i) {
    const row = state.row(), score = scoreOf(row, i), others = [];
    const part = (name, value) => others.push(`${name} ${value}`);
    part("position", group(i));
    part("id", data.ids[i]);
    if (i < data.shots.length && data.shots[i] >= 0) part("shot", data.shots[i]);
    part("score", score === score ? shown(score) : "none");
    if (score === score) part("rank", `${group(rankOf(row, score))} of ${group(sorted(row).length)}`);
    let keepers = 0;
    for (let r = 0; r < rows; r++) if (i < cached && has(panel.map, r, i)) keepers++;
    others.push(phaseWords(panel, row, i), `kept by ${keepers} of ${rows} heads`);
    const text = element("code", "", data.texts[i] === "" ? "part of a character" : visible(data.texts[i]).replace(/\n/g, ""));
    $("detail").replaceChildren(text, document.createTextNode(" \u2002" + others.join(" \u2002\u00B7\u2002 ")));
  }

  function activate(panel, i, scroll) {
    if (panel.active >= 0) panel.tokens[panel.active].classList.remove("active");
    panel.active = i;
    const token = panel.tokens[i];
    token.classList.add("active");
    $(panel.id).setAttribute("aria-activedescendant", token.id);
    if (scroll) token.scrollIntoView({ block: "center" });
    detail(panel, i);
  }

  function listen(panel) {
    const root = $(panel.id);
    root.addEventListener("pointerover", e => { if (e.target.dataset.i) detail(panel, Number(e.target.dataset.i)); });
    root.addEventListener("pointerleave", () => { if (panel.active >= 0) detail(panel, panel.active); });
    root.addEventListener("click", e => { if (e.target.dataset.i) activate(panel, Number(e.target.dataset.i), false); });
    root.addEventListener("focus", () => { if (panel.active < 0) activate(panel, 0, false); else detail(panel, panel.active); });
    root.addEventListener("keydown", e => {
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10, Home: -length, End: length }[e.key];
      if (by === undefined || e.altKey || e.ctrlKey || e.metaKey) return;
      e.preventDefault();
      activate(panel, Math.max(0, Math.min(panel.to - 1, panel.active + by)), true);
    });
  }

  // ---- the overview

  /** RGBA of the ramp's steps, of a cell without score and of nothing, as the style sheet has them now. */
  function colours() {
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true }), style = getComputedStyle(document.documentElement);
    const read = css => {
      probe.fillStyle = css;
      probe.fillRect(0, 0, 1, 1);
      return probe.getImageData(0, 0, 1, 1).data;
    };
    return {
      ramp: [...$("ramp").children].map(step => read(getComputedStyle(step).backgroundColor)),
      none: read(style.getPropertyValue("--unscored")), empty: read(style.getPropertyValue("--gap")),
      ink: style.getPropertyValue("--ink"), soft: style.getPropertyValue("--soft"), accent: style.getPropertyValue("--accent"),
    };
  }

  const GUTTER = 34;
  const charts = [{ id: "map-prefill", panel: panels[0] }, { id: "map-end", panel: panels[1] }];

  function render(chart, all, palette) {
    // Both charts have one scale of positions, so that a token stands in the same column.
    const image = new ImageData(length, rows);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < length; i++) {
        const kept = i < chart.panel.to && i < cached && has(chart.panel.map, row, i);
        const step = i < promptTokens ? all[row * promptTokens + i] : NO_SCORE;
        image.data.set(!kept ? palette.empty : step === NO_SCORE ? palette.none : palette.ramp[step], 4 * (row * length + i));
      }
    }
    chart.image = document.createElement("canvas");
    [chart.image.width, chart.image.height] = [length, rows];
    chart.image.getContext("2d").putImageData(image, 0, 0);
    chart.palette = palette;
  }

  function place(chart) {
    const canvas = $(chart.id), scale = window.devicePixelRatio || 1, width = canvas.clientWidth;
    const high = Math.max(5, Math.min(16, Math.floor(360 / rows))), height = high * rows;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) [canvas.height, canvas.style.height] = [Math.round(height * scale), height + "px"];
    const draw = canvas.getContext("2d");
    draw.setTransform(scale, 0, 0, scale, 0, 0);
    draw.clearRect(0, 0, width, height);
    draw.imageSmoothingEnabled = length > width - GUTTER;
    draw.drawImage(chart.image, GUTTER, 0, width - GUTTER, height);
    draw.font = "10px system-ui, sans-serif";
    draw.textBaseline = "top";
    draw.fillStyle = chart.palette.soft;
    const every = Math.ceil(12 / (high * kvHeads));
    for (let layer = 0; layer < layers; layer += every) draw.fillText(`L${layer}`, 4, layer * kvHeads * high + 2);
    draw.strokeStyle = chart.palette.accent;
    draw.lineWidth = 2;
    draw.strokeRect(GUTTER - 1, state.row() * high, width - GUTTER, high);
    chart.high = high;
    canvas.setAttribute("aria-label", `${rows} rows of kept tokens, ${plural(layers, "layer")} of ${plural(kvHeads, "head")}; shown: layer ${state.layer}, head ${state.head}`);
  }

  function cellAt(chart, e) {
    const area = $(chart.id).getBoundingClientRect(), x = (e.clientX - area.left - GUTTER) / (area.width - GUTTER), y = (e.clientY - area.top) / chart.high;
    return { row: Math.max(0, Math.min(rows - 1, Math.floor(y))), i: Math.max(0, Math.min(chart.panel.to - 1, Math.floor(x * length))) };
  }

  function watch(chart) {
    const canvas = $(chart.id);
    canvas.addEventListener("pointermove", e => {
      const { row, i } = cellAt(chart, e);
      canvas.title = `layer ${Math.floor(row / kvHeads)}, head ${row % kvHeads}, position ${i}: ${visible(data.texts[i]).trim()}`;
    });
    canvas.addEventListener("click", e => {
      const { row, i } = cellAt(chart, e);
      [state.layer, state.head] = [Math.floor(row / kvHeads), row % kvHeads];
      update();
      activate(chart.panel, i, true);
    });
  }

  // ---- what is chosen

  const state = { layer: data.view.layer, head: data.view.head, scale: "rank", row() { return this.layer * kvHeads + this.head; } };
  let dirty = true, waiting = false;

  function update() {
    const { layer, head, scale } = state, row = state.row();
    const say = (id, value, of, words) => {
      $(id).value = value;
      $(id).setAttribute("aria-valuetext", words);
      $(id + "-words").textContent = words;
      $(id).disabled = of === 1;
    };
    say("layer", layer, layers, `${layer} (0 to ${layers - 1})`);
    say("head", head, kvHeads, `${head} (0 to ${kvHeads - 1})`);
    const all = steps(scale);
    for (const panel of panels) paint(panel, row, all);
    describe(row);
    legend(row, scale);
    if (dirty) {
      const palette = colours();
      for (const chart of charts) render(chart, all, palette);
      dirty = false;
    }
    for (const chart of charts) place(chart);
    const active = panels.find(panel => document.activeElement === $(panel.id) && panel.active >= 0) ?? panels.find(panel => panel.active >= 0);
    if (active) detail(active, active.active);
    document.documentElement.dataset.shown = `${layer}/${head}/${scale}`;
  }

  /** At most one update a frame, however fast a slider moves. */
  function soon(all) {
    dirty ||= all;
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  }

  function start() {
    [$("layer").max, $("head").max] = [layers - 1, kvHeads - 1];
    for (let step = 0; step < STEPS; step++) $("ramp").append(element("span", "s" + step));
    facts();
    for (const panel of panels) {
      build(panel);
      listen(panel);
    }
    for (const chart of charts) watch(chart);
    for (const id of ["layer", "head"]) {
      $(id).addEventListener("input", () => {
        state[id] = Number($(id).value);
        soon(false);
      });
    }
    for (const scale of document.getElementsByName("scale")) {
      scale.disabled = !scores || (scale.value === "log" && !canLog);
      if (scale.disabled && scores) scale.parentElement.title = "Some scores are below 0, which has no logarithm";
      scale.addEventListener("change", () => {
        state.scale = scale.value;
        soon(true);
      });
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => soon(true));
    addEventListener("resize", () => soon(false));
    $("detail").textContent = "Point at a token, or move through a text with the arrow keys.";
    update();
  }

  start();
})();
