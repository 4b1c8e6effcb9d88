"use strict";
const search = document.getElementById("search");
const words = [...document.querySelectorAll(".word")];
const shown = document.getElementById("shown");
// without case and marks, so that kagidi finds kâğıdı and KEDİ finds kedi
const fold = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replaceAll("ı", "i");

function filterWords() {
  const wanted = fold(search.value.trim());
  let count = 0;
  for (const word of words) {
    word.hidden = !fold(word.dataset.text).includes(wanted);
    count += word.hidden ? 0 : 1;
  }
  shown.textContent = `${count} of ${words.length} words`;
}

async function copyLatex(button) {
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.value);
    button.textContent = "Copied";
  } catch {
    source.hidden = false;
    source.select();
    button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  }
}

if (search) {
  search.addEventListener("input", filterWords);
  filterWords();
}
for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", () => copyLatex(button));
}
document.documentElement.dataset.ready = "yes";
