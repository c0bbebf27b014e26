// The labelling page: one text after another, and what the keys do.
import { $, element, percent, showFields, showStatus, showTraining } from "./parts.js";

const state = { tab: "", text: null, since: 0, busy: false, offer: null };
const buttons = [...document.querySelectorAll("#labels button")];
const seat = () => ({ tab: state.tab, annotator: $("annotator").value.trim() || "somebody" });

// A duplicated tab has a copy of the first one's storage; the lock tells them apart.
async function tabName() {
  const kept = sessionStorage.getItem("tab");
  const isFree = kept && (!navigator.locks || await new Promise((found) => {
    navigator.locks.request(`tab ${kept}`, { ifAvailable: true }, (lock) => {
      found(lock !== null);
      return lock && new Promise(() => {}); // held as long as the page is there
    });
  }));
  if (isFree) return kept;
  const made = [...crypto.getRandomValues(new Uint8Array(12))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem("tab", made);
  if (navigator.locks) navigator.locks.request(`tab ${made}`, () => new Promise(() => {}));
  return made;
}

async function ask(address, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Error("The server does not answer. Is pet label still running? What you labelled is kept.");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const detail = typeof told.detail === "string" ? told.detail : "The request was refused.";
    throw new Error(answer.status === 403
      ? "The server was started anew: open the address that it printed." : detail);
  }
  return told;
}

function alertWith(message) {
  $("alert").hidden = !message;
  if ($("alert").textContent !== message) $("alert").textContent = message;
}

function show({ text, status }) {
  state.text = text;
  state.since = performance.now();
  press(false);
  for (const button of buttons) button.classList.remove("guessed");
  for (const id of ["choice", "unsure", "skip"]) $(id).hidden = text === null;
  if (text === null) {
    showFields({ "": "Every text has a label, or you skipped it." });
    $("drawn").textContent = "";
    $("guess").textContent = "";
  } else {
    showFields(text.fields);
    $("drawn").textContent = {
      random: "Drawn at random, to measure the accuracy.",
      again: "Somebody else has labelled this one too: it tells how far you agree.",
      opened: "You looked for this one.",
    }[text.drawn] || "";
    showGuess(text);
    $("live").textContent = `${Object.values(text.fields).join(". ")} ${$("guess").textContent}`;
  }
  update(status);
}

function showGuess(text) {
  $("guess").replaceChildren();
  if (text.hidden) {
    $("guess").textContent = "The guess is told afterwards, so that it does not sway you.";
  } else if (text.guess) {
    $("guess").append("The guess: ", element("b", text.guess.label), ` ${percent(text.guess.probability)}`);
    const guessed = buttons.find((button) => button.dataset.label === text.guess.label);
    if (guessed) guessed.classList.add("guessed");
  }
}

// The learner's error has a place of its own: it stays, and hides nothing that a click was told.
function update(status) {
  const error = showStatus(status);
  const told = error ? `${error}\nTexts are chosen at random now; labels are kept.` : "";
  $("learner-error").hidden = !error;
  if ($("learner-error").textContent !== told) $("learner-error").textContent = told;
}

// One request at a time: a key that is pressed twice must not label the next text. What is refused
// stays told until something that the person does has worked; polls in between do not clear it.
async function once(work) {
  if (state.busy) return;
  state.busy = true;
  try {
    await work();
    alertWith("");
  } catch (error) {
    alertWith(error.message);
  } finally {
    state.busy = false;
  }
}

function answer(label) {
  if (state.text === null) return;
  once(async () => {
    const sure = $("unsure").getAttribute("aria-pressed") !== "true";
    const seconds = Math.min((performance.now() - state.since) / 1000, 86400);
    const told = await ask("/api/answer", { ...seat(), text: state.text.id, label, sure, seconds });
    $("last").textContent = last(label, sure, told.was);
    if ($("filter")) { $("filter").value = ""; filter(); }
    show(told);
  });
}

function last(label, sure, was) {
  if (label === null) return "Skipped.";
  const said = `You said ${label}${sure ? "" : ", not sure"}.`;
  if (!was || !was.guess) return said;
  return `${said} The guess was ${was.guess} (${percent(was.probability)}).`;
}

function press(on) { $("unsure").setAttribute("aria-pressed", String(on)); }
const toggle = () => press($("unsure").getAttribute("aria-pressed") !== "true");
const undo = () => once(async () => {
  const told = await ask("/api/undo", seat());
  $("last").textContent = "Taken back.";
  show(told);
});

function filter() {
  const words = $("filter").value.toLowerCase();
  for (const button of buttons) button.hidden = !button.dataset.label.toLowerCase().includes(words);
}

async function search(event) {
  event.preventDefault();
  await once(async () => {
    const { found } = await ask(`/api/search?words=${encodeURIComponent($("words").value)}`);
    $("found").replaceChildren(...found.map((one) => {
      const item = element("li");
      const open = element("button", "Label it", { type: "button" });
      open.addEventListener("click", () => once(async () => {
        show(await ask("/api/open", { ...seat(), text: one.id }));
        $("card").focus();
        $("card").scrollIntoView();
      }));
      item.append(element("span", Object.values(one.fields).join(" | "), { class: "words", dir: "auto" }));
      if (one.label || one.divided) {
        item.append(element("span", one.label || "divided", { class: "chip" }));
      }
      item.append(open);
      return item;
    }));
    if (!found.length) $("found").replaceChildren(element("li", "No text has all of these words."));
    $("live").textContent = `${found.length} texts found.`;
  });
}

function offer(event) {
  event.preventDefault();
  return once(async () => {
    const threshold = Number($("threshold").value), label = $("bulk-label").value || null;
    const made = await ask("/api/bulk", { threshold, label });
    state.offer = made;
    $("offer").hidden = false;
    $("accept").hidden = !made.count;
    $("offer-told").textContent = made.count
      ? `${made.count.toLocaleString("en")} guesses are that sure. Check ${made.sample.length} of them, drawn at random, and put right what is wrong:`
      : "No guess is that sure yet.";
    $("sample").replaceChildren(...made.sample.map((one) => {
      const item = element("li");
      const words = Object.values(one.fields).join(" | ");
      const choice = element("select", undefined, { "aria-label": `Label of: ${words.slice(0, 80)}`, "data-text": one.id });
      for (const button of buttons) choice.append(new Option(button.dataset.label, button.dataset.label));
      choice.value = one.guess;
      choice.addEventListener("change", tellWrong);
      item.append(element("span", words, { class: "words", dir: "auto" }),
        element("span", percent(one.probability), { class: "note" }), choice);
      return item;
    }));
    tellWrong();
    $("offer-told").focus();
  });
}

// What the sample says about the others, before they are accepted.
function tellWrong() {
  const { sample, at_most: atMost, count } = state.offer;
  const said = new Map([...$("sample").querySelectorAll("select")].map((one) => [one.dataset.text, one.value]));
  const wrong = sample.filter((one) => (said.get(String(one.id)) ?? one.guess) !== one.guess).length;
  $("wrong").hidden = !count;
  $("wrong").textContent =
    `As the sample stands, ${wrong} of ${sample.length} guesses are wrong (${percent(wrong / sample.length)}): ` +
    `of all, at most ${percent(atMost[wrong])} (95 % interval).`;
}

const accept = () => once(async () => {
  const checked = Object.fromEntries(
    [...$("sample").querySelectorAll("select")].map((one) => [one.dataset.text, one.value]));
  const told = await ask("/api/accept", { ...seat(), offer: state.offer.offer, checked });
  const { right, asked, low } = told.sample;
  $("offer-told").textContent =
    `${told.accepted.toLocaleString("en")} labels accepted. Of the sample ${right} of ${asked} were right: ` +
    `of all, at most ${percent(1 - low)} are wrong (95 % interval). Undo takes them back.`;
  $("sample").replaceChildren();
  $("accept").hidden = true;
  $("wrong").hidden = true;
  update(told.status);
});

function key(event) {
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || !$("keys").checked) return;
  if (target.matches("input:not([type=checkbox]), select, textarea")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const number = "123456789".indexOf(event.key);
  if (event.repeat) return;
  if (number >= 0 && event.key.length === 1 && number < buttons.length) answer(buttons[number].dataset.label);
  else if (event.key === "u") toggle();
  else if (event.key === "s") answer(null);
  else if (event.key === "z") undo();
  else if (event.key === "/") $("words").focus();
  else return;
  event.preventDefault();
}

async function poll() {
  if (!state.busy && !document.hidden) {
    try {
      const { text, status } = await ask("/api/status", seat());
      update(status);
      // The model may have read the text only after it was shown.
      if (state.text && !state.text.guess && text && text.guess && text.id === state.text.id) {
        state.text = text;
        showGuess(text);
      }
      showTraining(await ask("/api/train"));
    } catch (error) {
      if ($("alert").hidden) alertWith(error.message);
    }
  }
  setTimeout(poll, 3000);
}

for (const button of buttons) button.addEventListener("click", () => answer(button.dataset.label));
$("unsure").addEventListener("click", toggle);
$("skip").addEventListener("click", () => answer(null));
$("undo").addEventListener("click", undo);
$("search").addEventListener("submit", search);
$("bulk").addEventListener("submit", offer);
$("accept").addEventListener("click", accept);
$("decline").addEventListener("click", () => { $("offer").hidden = true; });
$("train").addEventListener("click", () => once(async () => showTraining(await ask("/api/train", {}))));
$("stop-training").addEventListener("click", () => once(async () => showTraining(await ask("/api/train/stop", {}))));
$("annotator").addEventListener("change", () => {
  localStorage.setItem("annotator", $("annotator").value);
  once(async () => show(await ask("/api/next", seat())));
});
if ($("filter")) {
  $("filter").addEventListener("input", filter);
  $("filter").addEventListener("keydown", (event) => {
    const first = buttons.find((button) => !button.hidden);
    if (event.key === "Enter" && first) answer(first.dataset.label);
  });
}
document.addEventListener("keydown", key);

$("annotator").value = localStorage.getItem("annotator") || $("annotator").value;
state.tab = await tabName();
await once(async () => show(await ask("/api/next", seat())));
poll();
