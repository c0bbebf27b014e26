// The playground: asks /explain whenever a text, a pattern or a word changes, and shows the answer.

import { bars, calibration, cloze, labelText, make, percent, words } from "/static/bars.js";

const at = (id) => document.getElementById(id);
const PAUSE = 200; // milliseconds without a key before the model is asked

let key = null;
let tasks = [];
let task = null;
let plain = null; // the newest answer without changes, for the text it belongs to
let edits = new Map(); // member to { pattern, words } as they stand in its fields
let asked = 0;
let running = null;
let timer = null;

async function call(path, body, signal) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const options = { headers, signal };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(path, options);
  const value = await answer.json();
  if (answer.ok) return value;
  throw Object.assign(new Error(value.detail), {
    status: answer.status,
    retry: Number(answer.headers.get("Retry-After")) || 1,
  });
}

async function open() {
  let answer;
  try {
    answer = await call("/tasks");
  } catch (error) {
    if (at("key-note")) at("key-note").textContent = error.message;
    else tell(error.message || "The service does not answer.");
    return;
  }
  if (at("key-part")) at("key-part").hidden = true;
  at("ask").hidden = false;
  at("model").textContent = answer.model;
  document.title = `${answer.model} – playground – pet`;
  tasks = answer.tasks;
  at("task").replaceChildren(...tasks.map((one) => make("option", {}, one.name)));
  at("task-part").hidden = tasks.length < 2;
  choose(tasks[0]);
}

function choose(chosen) {
  task = chosen;
  plain = null;
  edits = new Map();
  at("description").textContent = task.description || "Type a text and see its label.";
  at("fields").replaceChildren(
    ...task.fields.map((name) => {
      const id = `field-${name}`;
      const area = make("textarea", { id, rows: 3, maxLength: 20000, dir: "auto" });
      area.addEventListener("input", soon);
      return make("div", {}, make("label", { htmlFor: id }, name), area);
    }),
  );
  at("members").replaceChildren(...task.members.map(memberPart));
  at("answer").hidden = at("votes").hidden = true;
  at("reset").hidden = true;
  tell(null);
  at("fields").querySelector("textarea").focus();
}

// A member: what it answers, and the fields in which its pattern and words are changed.
function memberPart(member) {
  const part = make("article", { className: "member" });
  part.dataset.name = member.name;
  const answer = make("div", { className: "told" });
  part.append(make("h3", {}, member.name), answer, make("div", { className: "parts" }));
  if (!member.can_change) {
    const why = member.words.length
      ? "It has learned vectors for its pattern or its words, so these cannot be changed."
      : "It reads the text itself; there is no pattern to change.";
    part.append(make("p", { className: "note" }, why));
    return part;
  }
  const form = make("div", { className: "edit" });
  const line = (title, value, change) => {
    const input = make("input", { type: "text", value, spellcheck: false, dir: "auto" });
    input.autocomplete = "off";
    input.addEventListener("input", () => {
      change(input.value);
      soon();
    });
    form.append(make("label", {}, title, input));
  };
  const own = () => {
    if (!edits.has(member.name)) {
      edits.set(member.name, { pattern: member.pattern, words: member.words.map((v) => ({ ...v })) });
    }
    return edits.get(member.name);
  };
  line("pattern", member.pattern, (value) => (own().pattern = value));
  member.words.forEach((verbalizer, number) => {
    const which = member.words.length > 1 ? ` (verbalizer ${number + 1})` : "";
    for (const [label, known] of Object.entries(verbalizer)) {
      line(`words for ${label}${which}`, known.join(", "), (value) => {
        own().words[number][label] = value.split(",").map((w) => w.trim()).filter(Boolean);
      });
    }
  });
  part.append(make("details", {}, make("summary", {}, "Change its pattern or words"), form));
  return part;
}

function texts() {
  return Object.fromEntries(task.fields.map((name) => [name, at(`field-${name}`).value]));
}

// What differs from the members as they were trained, as /explain takes it.
function changes() {
  const changed = {};
  for (const member of task.members) {
    const edit = edits.get(member.name);
    if (!edit) continue;
    const same = JSON.stringify(edit.words) === JSON.stringify(member.words);
    if (edit.pattern === member.pattern && same) continue;
    changed[member.name] = {};
    if (edit.pattern !== member.pattern) changed[member.name].pattern = edit.pattern;
    if (!same) changed[member.name].words = edit.words;
  }
  return changed;
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
}

async function ask() {
  const given = texts();
  const number = ++asked;
  running?.abort();
  if (!Object.values(given).every((text) => text.trim())) {
    at("answer").hidden = at("votes").hidden = true;
    tell(null);
    return;
  }
  running = new AbortController();
  const changed = changes();
  const request = { task: task.name, texts: [given] };
  const same = plain && JSON.stringify(plain.given) === JSON.stringify(given);
  at("answer").classList.add("busy");
  try {
    if (!task.members.length) {
      const answer = await call("/predict", request, running.signal);
      if (number === asked) showLabels(answer.predictions[0], null, null);
    } else {
      if (!same) {
        const answer = await call("/explain", request, running.signal);
        if (number !== asked) return;
        plain = { given, explained: answer.explanations[0] };
      }
      let explained = plain.explained;
      if (Object.keys(changed).length) {
        const answer = await call("/explain", { ...request, changes: changed }, running.signal);
        explained = answer.explanations[0];
      }
      if (number === asked) show(explained, changed);
    }
    if (number === asked) tell(null);
  } catch (error) {
    if (error.name === "AbortError" || number !== asked) return;
    tell(error.message || "The service does not answer.");
    if (error.status === 429) timer = setTimeout(ask, 1000 * error.retry);
  } finally {
    if (number === asked) at("answer").classList.remove("busy");
  }
}

function show(explained, changed) {
  const names = Object.keys(changed);
  const before = names.length ? plain.explained : null;
  showLabels(explained.prediction, explained.members_together, before?.members_together);
  at("votes").hidden = false;
  at("reset").hidden = !names.length;
  explained.members.forEach((member, index) => {
    const part = at("members").children[index];
    const earlier = before && names.includes(member.name) ? before.members[index] : null;
    part.classList.toggle("edited", earlier !== null);
    const vote = make("strong", {}, labelText(member.label));
    part.querySelector(".told").replaceChildren(
      make("span", {}, "votes ", vote),
      make("span", { className: "note" }, `weight ${member.weight.toFixed(2)}`),
    );
    const read = make("div", {}, cloze(member.text), ...member.words.map((one) => words(one)));
    read.append(...member.calibration.map(calibration));
    for (const note of member.notes) read.append(make("p", { className: "note" }, note));
    const shown = bars(member.probabilities, earlier?.probabilities);
    part.querySelector(".parts").replaceChildren(read, shown);
  });
}

// The label, and the probabilities of the model; where members answer, theirs together.
function showLabels(prediction, together, before) {
  const differs = together && JSON.stringify(together) !== JSON.stringify(prediction);
  const shown = before ? together : prediction;
  at("answer").hidden = false;
  at("verdict").replaceChildren(
    make("strong", {}, labelText(shown.label)),
    ` with probability ${percent(shown.probability)}`,
    before ? ` after the change; before: ${labelText(before.label)}, ${percent(before.probability)}` : "",
  );
  at("labels").replaceChildren(bars(shown.probabilities, before?.probabilities));
  let note = "";
  if (before) note = "The members together, changed; the lines show where they stood before.";
  else if (differs) {
    note = `The classifier answers, which was distilled from the members; they say together: ${labelText(together.label)}, ${percent(together.probability)}.`;
  }
  at("labels-note").textContent = note;
}

function tell(message) {
  at("fault").hidden = !message;
  at("fault").textContent = message || "";
}

at("task").addEventListener("change", () => choose(tasks[at("task").selectedIndex]));
at("reset").addEventListener("click", () => {
  edits = new Map();
  at("members").replaceChildren(...task.members.map(memberPart));
  ask();
  at("fields").querySelector("textarea").focus();
});
at("key-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value.trim();
  open();
});
if (!at("key-form")) open();
