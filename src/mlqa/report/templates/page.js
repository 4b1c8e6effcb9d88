"use strict";
(function () {
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
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
        const best = isNumber && heading.dataset.cost === undefined ? -1 : 1;  // the first click shows the best first
        const before = heading.getAttribute("aria-sort");
        const direction = before === null ? best : before === "ascending" ? -1 : 1;
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

  function wordsOf(input) {
    return folded(input.value).split(/\s+/).filter(Boolean);
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
      const words = wordsOf(search);
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

  // ---- copy ----

  async function copy(text, button) {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // not allowed for this page: let the browser copy a selection
      const area = element("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  // ---- the answers of two treatments, question by question ----

  const PAGE = 20;

  function makeBrowser(place, found) {
    const number = place.dataset.browser;
    const sides = [...place.querySelectorAll("[data-side]")];
    const show = place.querySelector("[data-show]");
    const group = place.querySelector("[data-group]");
    const search = place.querySelector("[data-search]");
    const output = place.querySelector("output");
    const list = place.querySelector(".questions");
    const more = place.querySelector("[data-more]");
    let only = "";  // the id of the one question that a link names
    let rows = [];
    let shown = 0;

    // means[t][row]: F1 over the seeds. exact[t][row]: how many seeds are exact.
    const means = found.given.map((seeds) => found.questions.map((_, row) =>
      seeds.reduce((sum, answers) => sum + found.answers[row][answers[row]][2], 0) / seeds.length));
    const exact = found.given.map((seeds) => found.questions.map((_, row) =>
      seeds.reduce((sum, answers) => sum + found.answers[row][answers[row]][1], 0)));

    for (const select of sides) found.names.forEach((name, index) => select.append(element("option", { value: index, textContent: name })));
    found.groups.forEach(([title, values], grouping) => {
      const part = element("optgroup", { label: title });
      values.forEach((value, index) => part.append(element("option", { value: `${grouping}:${index}`, textContent: `${title}: ${value}` })));
      group.append(part);
    });

    const kinds = {
      differ: (a, b, row) => means[a][row] !== means[b][row],
      first: (a, b, row) => means[a][row] > means[b][row],
      second: (a, b, row) => means[b][row] > means[a][row],
      both: (a, b, row) => exact[a][row] === found.given[a].length && exact[b][row] === found.given[b].length,
      neither: (a, b, row) => !exact[a][row] && !exact[b][row],
      all: () => true,
    };

    // A link names everything that is chosen, so that another person sees the same questions.
    function link(id) {
      const [a, b] = sides.map((side) => found.names[Number(side.value)]);
      const chosen = { q: number, a, b, show: show.value };
      if (group.value) {
        const [grouping, index] = group.value.split(":").map(Number);
        Object.assign(chosen, { group: found.groups[grouping][0], value: found.groups[grouping][1][index] });
      }
      if (search.value) chosen.find = search.value;
      if (id) chosen.id = id;
      return `#${new URLSearchParams(chosen)}`;
    }

    function restore() {
      const asked = new URLSearchParams(location.hash.slice(1));
      if (asked.get("q") !== number) return false;
      ["a", "b"].forEach((key, side) => {
        const index = found.names.indexOf(asked.get(key));
        if (index >= 0) sides[side].value = String(index);
      });
      if (kinds[asked.get("show")]) show.value = asked.get("show");
      const grouping = found.groups.findIndex(([title]) => title === asked.get("group"));
      const index = grouping < 0 ? -1 : found.groups[grouping][1].indexOf(asked.get("value"));
      group.value = index < 0 ? "" : `${grouping}:${index}`;
      search.value = asked.get("find") ?? "";
      only = asked.get("id") ?? "";
      return true;
    }

    function select() {
      const [a, b] = sides.map((side) => Number(side.value));
      const words = wordsOf(search);
      const [grouping, wanted] = group.value ? group.value.split(":").map(Number) : [];
      let first = 0, second = 0, total = 0;
      rows = [];
      found.questions.forEach(([id, question, context, golds], row) => {
        if (group.value && found.groups[grouping][2][row] !== wanted) return;
        total += 1;
        first += kinds.first(a, b, row);
        second += kinds.second(a, b, row);
        if (only ? id !== only : !kinds[show.value](a, b, row)) return;
        if (words.length) {
          const text = folded([id, question, found.contexts[context], ...golds, ...found.answers[row].map((answer) => answer[0] ?? "")].join(" "));
          if (!words.every((word) => text.includes(word))) return;
        }
        rows.push(row);
      });
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
        lines.append(element("dt", { textContent: found.names[one], lang: "en" }), answersOf(one, row, means[one][row] > means[other][row]));
        if (a === b) break;
      }
      const here = element("a", { href: link(id), textContent: "link", lang: "en" });
      here.setAttribute("aria-label", `Link to question ${id}`);
      return element("li", {}, element("p", { className: "asked" }, question, here), lines,
        element("details", {}, element("summary", { textContent: `context (${id})`, lang: "en" }), marked(found.contexts[context], golds[0])));
    }

    // Each distinct answer with the seeds that gave it.
    function answersOf(one, row, isBetter) {
      const seeds = new Map();
      found.given[one].forEach((answers, place) => {
        const index = answers[row];
        seeds.set(index, [...(seeds.get(index) ?? []), found.seeds[one][place]]);
      });
      const cell = element("dd", {});
      for (const [index, of] of [...seeds].sort((x, y) => y[1].length - x[1].length)) {
        const [answer, isExact, f1] = found.answers[row][index];
        const count = found.given[one].length > 1 ? `, ${of.length === found.given[one].length ? "all seeds" : `seed ${of.join(", ")}`}` : "";
        cell.append(element("div", {}, `${answer === null ? "(not predicted)" : answer || "(no answer)"} `,
          element("span", { className: isBetter ? "score better" : "score", lang: "en",
            textContent: `${isExact ? "exact" : `F1 ${f1}`}${count}${isBetter ? ", better" : ""}` })));
      }
      return cell;
    }

    function marked(text, gold) {
      const paragraph = element("p", {});
      const place = gold ? text.indexOf(gold) : -1;
      if (place < 0) paragraph.append(text);
      else paragraph.append(text.slice(0, place), element("mark", { textContent: gold }), text.slice(place + gold.length));
      return paragraph;
    }

    sides[1].value = "1";
    if (restore()) place.scrollIntoView();
    place.addEventListener("input", () => {
      only = "";
      select();
      history.replaceState(null, "", link());
    });
    addEventListener("hashchange", () => { if (restore()) select(); });
    place.querySelector("[data-link]").addEventListener("click", (event) => {
      history.replaceState(null, "", link(only));
      copy(location.href, event.target);
    });
    more.addEventListener("click", grow);
    select();
  }

  async function unpack(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) makeSortable(table);
  for (const controls of document.querySelectorAll(".controls[data-for]")) makeFilter(controls);
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(button.previousElementSibling.textContent, button));
  }
  unpack(document.getElementById("data").textContent).then((browsers) => {
    for (const place of document.querySelectorAll("[data-browser]")) makeBrowser(place, browsers[place.dataset.browser]);
    document.documentElement.dataset.ready = "true";
  });
})();
