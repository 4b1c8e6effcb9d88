"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // ---- figures: the report has the data, the page the colours ----

  function draw() {
    const style = getComputedStyle(document.body);
    const color = (name) => style.getPropertyValue(name).trim();
    const colors = color("--series").split(" ");
    const axis = { gridcolor: color("--line"), zerolinecolor: color("--line"), linecolor: color("--line"), automargin: true };
    for (const [id, chart] of Object.entries(data.charts)) {
      const narrow = document.getElementById(id).clientWidth < 480;
      const layout = {
        ...chart.layout,
        xaxis: { ...axis, ...chart.layout.xaxis },
        yaxis: { ...axis, ...chart.layout.yaxis },
        paper_bgcolor: color("--paper"),
        plot_bgcolor: color("--paper"),
        font: { color: color("--ink"), family: style.fontFamily || "sans-serif", size: narrow ? 11 : 12 },
        colorway: colors,
        margin: { l: 48, r: 12, t: 30, b: 40 },
        showlegend: chart.data.length > 1,
        legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0 },
        hoverlabel: { bgcolor: color("--panel"), bordercolor: color("--line"), font: { color: color("--ink") } },
      };
      const traces = chart.data.map((trace) => {
        const { role, series } = trace.meta ?? {};
        const own = role === "front" ? color("--front") : role === "published" ? color("--soft") : series === undefined ? undefined : colors[series % colors.length];
        return own ? { ...trace, ...(trace.line && { line: { ...trace.line, color: own } }), marker: { ...trace.marker, color: own } } : { ...trace };
      });
      Plotly.react(id, traces, layout, {
        responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
      });
    }
  }

  // ---- tables: a click on a heading sorts, words and choices filter ----

  function rowsOf(table) {
    return [...table.tBodies[0].rows];
  }

  function makeSortable(table) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = element("button", { type: "button", textContent: heading.textContent.trim() });
      heading.textContent = "";
      heading.append(button);
      button.addEventListener("click", () => {
        const isNumber = heading.classList.contains("number");
        const before = heading.getAttribute("aria-sort");
        const direction = before === null ? (isNumber ? -1 : 1) : before === "ascending" ? -1 : 1;
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
        const keyed = rowsOf(table).map((row) => {
          const cell = row.cells[column];
          return { row, key: isNumber ? cell.dataset.value : cell.textContent };
        });
        keyed.sort((a, b) => {
          const blankA = a.key === undefined || a.key === "", blankB = b.key === undefined || b.key === "";
          if (blankA || blankB) return blankA - blankB;  // unknown values come last in both directions
          return direction * (isNumber ? Number(a.key) - Number(b.key) : collator.compare(a.key, b.key));
        });
        table.tBodies[0].append(...keyed.map((item) => item.row));
      });
    });
  }

  // Ignore case but keep letters: İ and I both match i and ı.
  function folded(text) {
    return text.toLocaleLowerCase("tr").replaceAll("ı", "i").normalize("NFC");
  }

  function makeFilter(controls) {
    const table = document.getElementById(controls.dataset.for);
    const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const search = controls.querySelector("[data-search]");
    const choices = [...controls.querySelectorAll("select")].map((select) => ({ select, column: headings.indexOf(select.dataset.column) }));
    const output = controls.querySelector("output");
    const rows = rowsOf(table).map((row) => ({ row, text: folded(row.textContent) }));
    for (const { select, column } of choices) {
      const values = new Set(rows.map(({ row }) => row.cells[column].textContent).filter(Boolean));
      for (const value of [...values].sort(collator.compare)) select.append(element("option", { value, textContent: value }));
    }
    function filter() {
      const words = folded(search.value).split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, text } of rows) {
        const fits = words.every((word) => text.includes(word))
          && choices.every(({ select, column }) => !select.value || row.cells[column].textContent === select.value);
        row.hidden = !fits;
        shown += fits;
      }
      output.textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
    }
    controls.addEventListener("input", filter);
    filter();
  }

  // ---- the answers of two models, question by question ----

  const PAGE = 20;

  function makeBrowser(place, found) {
    const sides = [...place.querySelectorAll("[data-side]")];
    const show = place.querySelector("[data-show]");
    const search = place.querySelector("[data-search]");
    const output = place.querySelector("output");
    const list = place.querySelector(".questions");
    const more = place.querySelector("[data-more]");
    // Start with the best and the next configuration whose answers differ.
    const other = found.answers.findIndex((answers) => answers.some((answer, row) => answer !== found.answers[0][row]));
    sides.forEach((select, side) => {
      found.names.forEach((name, index) => select.append(element("option", { value: index, textContent: name })));
      select.value = String(side && Math.max(other, 1));
    });
    let rows = [];
    let shown = 0;

    const kinds = {
      differ: (a, b, row) => found.f1[a][row] !== found.f1[b][row] || found.exact[a][row] !== found.exact[b][row],
      first: (a, b, row) => found.f1[a][row] > found.f1[b][row],
      second: (a, b, row) => found.f1[b][row] > found.f1[a][row],
      both: (a, b, row) => found.exact[a][row] && found.exact[b][row],
      neither: (a, b, row) => !found.exact[a][row] && !found.exact[b][row],
      all: () => true,
    };

    function select() {
      const [a, b] = sides.map((side) => Number(side.value));
      const words = folded(search.value).split(/\s+/).filter(Boolean);
      let first = 0, second = 0;
      rows = [];
      found.questions.forEach(([id, question, context, golds], row) => {
        first += kinds.first(a, b, row);
        second += kinds.second(a, b, row);
        if (!kinds[show.value](a, b, row)) return;
        if (words.length) {
          const text = folded([id, question, found.contexts[context], ...golds, found.answers[a][row] ?? "", found.answers[b][row] ?? ""].join(" "));
          if (!words.every((word) => text.includes(word))) return;
        }
        rows.push(row);
      });
      const total = found.questions.length;
      output.textContent = `${rows.length} of ${total} questions; first is better in ${first}, second in ${second}, equal in ${total - first - second}`;
      list.replaceChildren();
      shown = 0;
      grow();
    }

    function grow() {
      const [a, b] = sides.map((side) => Number(side.value));
      for (const row of rows.slice(shown, shown + PAGE)) list.append(item(row, a, b));
      shown = Math.min(rows.length, shown + PAGE);
      more.hidden = shown >= rows.length;
    }

    function item(row, a, b) {
      const [id, question, context, golds] = found.questions[row];
      const lines = element("dl", {}, element("dt", { textContent: "gold", lang: "en" }),
        element("dd", { textContent: golds.length ? golds.join(" | ") : "(no answer)" }));
      for (const [one, other] of [[a, b], [b, a]]) {
        const answer = found.answers[one][row];
        const better = found.f1[one][row] > found.f1[other][row];
        const score = `${found.exact[one][row] ? "exact" : `F1 ${found.f1[one][row]}`}${better ? ", better" : ""}`;
        lines.append(element("dt", { textContent: found.names[one], lang: "en" }),
          element("dd", {}, (answer === null ? "(not predicted)" : answer || "(no answer)") + " ",
            element("span", { className: better ? "score better" : "score", textContent: score, lang: "en" })));
      }
      return element("li", {}, element("p", { className: "asked", textContent: question }), lines,
        element("details", {}, element("summary", { textContent: `context (${id})`, lang: "en" }), marked(found.contexts[context], golds[0])));
    }

    function marked(text, gold) {
      const paragraph = element("p", {});
      const place = gold ? text.indexOf(gold) : -1;
      if (place < 0) paragraph.append(text);
      else paragraph.append(text.slice(0, place), element("mark", { textContent: gold }), text.slice(place + gold.length));
      return paragraph;
    }

    place.addEventListener("input", select);
    more.addEventListener("click", grow);
    select();
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) makeSortable(table);
  for (const controls of document.querySelectorAll(".controls[data-for]")) makeFilter(controls);
  for (const place of document.querySelectorAll("[data-browser]")) makeBrowser(place, data.browsers[place.dataset.browser]);
  draw();
  dark.addEventListener("change", draw);

  // Print in light colours with every fold open.
  matchMedia("print").addEventListener("change", draw);
  let folds = [];
  addEventListener("beforeprint", () => {
    folds = [...document.querySelectorAll(".card details:not([open])")];
    for (const fold of folds) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of folds) fold.open = false;
  });
})();
