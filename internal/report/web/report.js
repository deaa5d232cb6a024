(function () {
  "use strict";
  var root = document.documentElement, tip = document.getElementById("tip");

  // Theme: follow the system until the button is pressed.
  function stored() { try { return localStorage.getItem("wattlaw-theme"); } catch (e) { return null; } }
  if (stored() === "light" || stored() === "dark") root.dataset.theme = stored();
  document.getElementById("theme").onclick = function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("wattlaw-theme", root.dataset.theme); } catch (e) { /* private window */ }
  };

  // One tip for all charts.
  function showTip(text, event) {
    tip.textContent = text;
    tip.hidden = false;
    var box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = Math.max(4, event.clientY + 16 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 16) + "px";
  }
  document.addEventListener("mousemove", function (event) {
    var target = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (target) showTip(target.dataset.tip, event);
    else if (!event.target.closest || !event.target.closest(".panel")) tip.hidden = true;
  });

  // Time series.
  var trials = JSON.parse(document.getElementById("series").textContent);
  var select = document.getElementById("trial"), panels = document.getElementById("panels");
  var clips = 0, SVG = "http://www.w3.org/2000/svg";
  function make(parent, name, attributes, text) {
    var node = name in { svg: 1, clipPath: 1, path: 1, line: 1, rect: 1, text: 1 } ? document.createElementNS(SVG, name) : document.createElement(name);
    for (var key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.appendChild(node);
    return node;
  }
  function niceStep(raw) {
    var power = Math.pow(10, Math.floor(Math.log10(raw))), m = [1, 2, 5, 10];
    for (var i = 0; i < m.length; i++) if (m[i] * power >= raw * (1 - 1e-9)) return m[i] * power;
  }
  function scale(lo, hi, from, to, n) {
    if (!(hi > lo)) { lo -= 0.5; hi += 0.5; }
    var step = niceStep((hi - lo) / n), ticks = [], digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    for (var v = Math.ceil(lo / step - 1e-9) * step; v <= hi + step * 1e-6; v += step) ticks.push(v);
    return { ticks: ticks, text: function (v) { return (Math.abs(v) < step / 2 ? 0 : v).toFixed(digits).replace("-", "−"); },
      at: function (v) { return from + (v - lo) / (hi - lo) * (to - from); }, inverse: function (p) { return lo + (p - from) / (to - from) * (hi - lo); } };
  }
  function pathOf(curve, times, x, y) {
    var d = "", open = false, last = 0;
    for (var i = 0; i < times.length; i++) {
      var v = curve.values[i];
      if (v === null) { open = false; continue; }
      var px = x.at(times[i]).toFixed(1), py = y.at(v).toFixed(1);
      if (!open) d += "M" + px + " " + py;
      else if (curve.step) d += "M" + last[0] + " " + last[1] + "V" + py + "H" + px;
      else d += "L" + px + " " + py;
      open = true;
      last = [px, py];
    }
    return d;
  }
  function nearest(times, t) {
    var lo = 0, hi = times.length - 1;
    while (lo < hi) { var mid = (lo + hi) >> 1; if (times[mid] < t) lo = mid + 1; else hi = mid; }
    return lo > 0 && t - times[lo - 1] < times[lo] - t ? lo - 1 : lo;
  }
  // A step holds since the sample before it: the value at t is that of the sample after t.
  function indexAt(curve, times, t) {
    if (!curve.step) return nearest(times, t);
    for (var i = 0; i < times.length; i++) if (times[i] >= t) return i;
    return times.length - 1;
  }

  function drawPanel(trial, name, curves, range) {
    var panel = make(panels, "div", { "class": "panel" }), head = make(panel, "h4", {}, name + ", " + curves[0].unit);
    var width = Math.max(280, panel.clientWidth), height = 150, left = 46, bottom = height - 22;
    var svg = make(panel, "svg", { viewBox: "0 0 " + width + " " + height, height: height, role: "img", "aria-label": name + " over time" });
    svg.style.height = height + "px";
    var clip = "clip" + clips++;
    make(make(svg, "clipPath", { id: clip }), "rect", { x: left, y: 0, width: width - 8 - left, height: bottom + 1 });
    var lo = Infinity, hi = -Infinity;
    curves.forEach(function (c) {
      if (c.zero) lo = Math.min(lo, 0);
      c.values.forEach(function (v) { if (v !== null) { lo = Math.min(lo, v); hi = Math.max(hi, v); } });
      if (c.baseline !== null) { lo = Math.min(lo, c.baseline - 2 * c.sigma); hi = Math.max(hi, c.baseline + 2 * c.sigma); }
    });
    var pad = (hi - lo) * 0.06 || Math.abs(hi) * 0.02 || 1;
    var x = scale(range[0], range[1], left, width - 8, Math.max(4, width / 110)), y = scale(lo < 0 || !curves[0].zero ? lo - pad : lo, hi + pad, bottom, 8, 4);
    trial.phases.forEach(function (p) {
      make(svg, "rect", { "class": "phase c" + p.colour, x: x.at(p.from), y: 8, width: Math.max(0.5, x.at(p.to) - x.at(p.from)), height: bottom - 8 });
    });
    y.ticks.forEach(function (v) {
      make(svg, "line", { "class": "grid", x1: left, x2: width - 8, y1: y.at(v), y2: y.at(v) });
      make(svg, "text", { x: left - 7, y: y.at(v) + 4, "text-anchor": "end" }, y.text(v));
    });
    x.ticks.forEach(function (v) { make(svg, "text", { x: x.at(v), y: height - 6, "text-anchor": "middle" }, x.text(v) + " s"); });
    curves.forEach(function (c, i) {
      if (c.baseline !== null) {
        make(svg, "rect", { "class": "sigma", x: left, width: width - 8 - left, y: y.at(c.baseline + 2 * c.sigma), height: Math.max(1, y.at(c.baseline - 2 * c.sigma) - y.at(c.baseline + 2 * c.sigma)) });
        make(svg, "line", { "class": "base", x1: left, x2: width - 8, y1: y.at(c.baseline), y2: y.at(c.baseline) });
      }
      make(svg, "path", { "class": "curve c" + i % 6 + (c.estimated ? " est" : ""), "clip-path": "url(#" + clip + ")", d: pathOf(c, trial.times[c.times], x, y) });
      var key = make(head, "span", { "class": "key c" + i % 6 + (c.estimated ? " s5" : " s4") });
      make(key, "i", {});
      key.appendChild(document.createTextNode(c.name + (c.estimated ? " (estimate)" : "")));
    });
    var cross = make(svg, "line", { "class": "cross", y1: 8, y2: bottom, visibility: "hidden" });
    svg.addEventListener("mousemove", function (event) {
      var box = svg.getBoundingClientRect(), t = x.inverse((event.clientX - box.left) * width / box.width);
      if (t < range[0] || t > range[1]) return;
      Array.prototype.forEach.call(panels.querySelectorAll(".cross"), function (c) {
        c.setAttribute("x1", x.at(t)); c.setAttribute("x2", x.at(t)); c.setAttribute("visibility", "visible");
      });
      var lines = [t.toFixed(2) + " s"];
      trial.phases.forEach(function (p) { if (t >= p.from && t <= p.to) lines[0] += " · " + p.name; });
      curves.forEach(function (c) {
        var v = c.values[indexAt(c, trial.times[c.times], t)];
        lines.push(c.name + "  " + (v === null ? "–" : v.toPrecision(3) + " " + c.unit));
      });
      showTip(lines.join("\n"), event);
    });
    svg.addEventListener("mouseleave", function () {
      tip.hidden = true;
      Array.prototype.forEach.call(panels.querySelectorAll(".cross"), function (c) { c.setAttribute("visibility", "hidden"); });
    });
  }

  function show() {
    var trial = trials[+select.value], byPanel = {}, order = [], range = [0, trial ? trial.end : 1];
    panels.textContent = "";
    if (!trial) return;
    // Slow channels reach far beyond the trial: show its surroundings only.
    var margin = Math.max(1, 0.3 * trial.end);
    trial.times.forEach(function (t) {
      if (!t.length) return;
      range[0] = Math.min(range[0], Math.max(t[0], -margin));
      range[1] = Math.max(range[1], Math.min(t[t.length - 1], trial.end + margin));
    });
    trial.curves.forEach(function (c) {
      if (!byPanel[c.panel]) { byPanel[c.panel] = []; order.push(c.panel); }
      byPanel[c.panel].push(c);
    });
    order.forEach(function (name) { drawPanel(trial, name, byPanel[name], range); });
    if (!order.length) make(panels, "p", { "class": "absent" }, "–  no series were recorded around this trial");
    var keys = document.getElementById("phases"), seen = {};
    keys.textContent = "";
    trial.phases.forEach(function (p) {
      if (seen[p.name]) return;
      seen[p.name] = true;
      var key = make(keys, "span", { "class": "key s2 c" + p.colour });
      make(key, "i", {});
      key.appendChild(document.createTextNode(p.name));
    });
  }

  var groups = {}, longest = 0;
  trials.forEach(function (t, i) {
    if (!groups[t.section]) groups[t.section] = make(select, "optgroup", { label: t.section });
    make(groups[t.section], "option", { value: i }, t.label);
    if (t.end > trials[longest].end) longest = i;
  });
  if (trials.length) select.value = longest;
  else make(panels, "p", { "class": "absent" }, "–  no trial was finished");
  function step(by) {
    if (!trials.length) return;
    select.value = (+select.value + by + trials.length) % trials.length;
    show();
  }
  select.onchange = show;
  document.getElementById("prev").onclick = function () { step(-1); };
  document.getElementById("next").onclick = function () { step(1); };
  var timer;
  addEventListener("resize", function () { clearTimeout(timer); timer = setTimeout(show, 120); });
  if (trials.length) show();
})();
