// Parts of the page: what the server says, put into elements. Texts are only ever set as text.
export const $ = (id) => document.getElementById(id);

export function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)} %`;
const points = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)} points`;
const many = (count, one, more) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

export function showFields(fields) {
  const names = Object.keys(fields);
  const parts = names.flatMap((name) => {
    const text = element("p", fields[name], { dir: "auto" });
    return names.length > 1 ? [element("p", name, { class: "name" }), text] : [text];
  });
  $("fields").replaceChildren(...parts);
}

export function showStatus(status) {
  showModel(status.model, status.labelled);
  showBalance(status.balance);
  const also = [
    status.bulk ? `${status.bulk.toLocaleString("en")} accepted in bulk` : "",
    status.unsure ? `${status.unsure} not sure` : "",
    status.skipped ? `${status.skipped} skipped` : "",
  ].filter(Boolean);
  $("counts").textContent =
    `${status.labelled} of ${many(status.texts, "text", "texts")} labelled by hand` +
    (also.length ? `; ${also.join(", ")}.` : ".");
  $("pace").textContent = status.pace ? `You label ${Math.round(status.pace)} texts an hour.` : "";
  const { done, of } = status.reading;
  $("reading").textContent =
    done < of ? `The model has read ${done.toLocaleString("en")} of ${many(of, "text", "texts")}.`
    : of < status.texts ? `The model reads a random ${many(of, "text", "texts")} of them.` : "";
  showPeople(status);
  return status.error;
}

function showModel(model, labelled) {
  const known = model !== null && model.asked > 0;
  $("range").hidden = !known;
  const clear = ["accuracy-told", "moved", "stop"];
  for (const id of clear) $(id).textContent = "";
  if (model === null) {
    $("accuracy").textContent = "–";
    $("accuracy-told").textContent = "The model is reading the first texts. You can label already.";
    return;
  }
  if (!known) {
    $("accuracy").textContent = "–";
    $("accuracy-told").textContent =
      "Guesses are by the patterns alone. A first figure comes after some labels.";
    return;
  }
  const bar = $("range").firstElementChild;
  bar.style.left = `${100 * model.low}%`;
  bar.style.width = `${100 * (model.high - model.low)}%`;
  $("accuracy").replaceChildren(
    percent(model.accuracy), " ",
    element("small", `${Math.round(100 * model.low)} to ${Math.round(100 * model.high)} %`));
  $("accuracy-told").textContent =
    `The quick model's accuracy with its 95 % interval, on ${many(model.asked, "text", "texts")} ` +
    "drawn at random, each guessed by one that had not seen its label. Train usually makes a better one.";
  const parts = [];
  if (model.changed !== null) parts.push(`changed ${percent(model.changed)} of the guesses`);
  // With fewer texts one of them moves it by ten points or more.
  if (model.moved !== null && model.asked >= 10) parts.push(`moved the accuracy by ${points(model.moved)}`);
  if (parts.length) $("moved").textContent = `The last labels ${parts.join(" and ")}.`;
  const rule = model.rule;
  if (model.stable) {
    $("stop").textContent =
      "More labels are hardly worth it: the guesses no longer change " +
      `(κ ${model.agreement.toFixed(3)}, stabilizing predictions).`;
  } else if (model.agreement !== null) {
    $("moved").textContent +=
      ` Guesses ${rule.labels} labels apart agree with κ ${model.agreement.toFixed(3)}; ` +
      `at ${rule.agreement} more labels are not worth it.`;
  } else {
    const needed = rule.labels * (rule.rounds + 1);
    $("moved").textContent +=
      ` Whether more labels are worth it can be told from ${needed} labels on.`;
  }
}

function showBalance(balance) {
  const most = Math.max(1, ...Object.values(balance));
  $("balance").replaceChildren(...Object.entries(balance).map(([label, count]) => {
    const row = element("tr");
    const cell = element("td");
    const bar = element("span", "", { class: "fill" });
    bar.style.width = `${(100 * count) / most}%`;
    cell.append(bar);
    row.append(element("th", label, { scope: "row" }), element("td", count), cell);
    return row;
  }));
}

function showPeople(status) {
  $("people-section").hidden = !status.people.length && !status.divided;
  $("people").replaceChildren(...status.people.map((one) => {
    const row = element("tr");
    row.append(
      element("th", one.people.join(", "), { scope: "row" }), element("td", one.both),
      element("td", percent(one.share)),
      element("td", one.kappa === null ? "–" : one.kappa.toFixed(2)));
    return row;
  }));
  $("divided").textContent = status.divided
    ? `${many(status.divided, "text is", "texts are")} left out: as many people say one label as another.`
    : "";
}

export function showTraining(state) {
  const told = {
    idle: "", training: `Training ${state.run} …`, finished: `${state.run} is trained.`,
    stopping: `Stopping ${state.run} …`, stopped: "Stopped. Train again to go on.", failed: "The training ended with an error:",
  };
  $("training").textContent = told[state.state];
  const log = $("log");
  log.hidden = !["training", "stopping", "failed"].includes(state.state) || !state.lines.length;
  log.textContent = state.lines.join("\n");
  $("train").disabled = ["training", "stopping"].includes(state.state);
  $("stop-training").hidden = state.state !== "training";
  $("reports").replaceChildren(...state.reports.map((name) => {
    const item = element("li");
    item.append(element("a", `Report of ${name}`,
      { href: `/report/${encodeURIComponent(name)}`, target: "_blank", rel: "noopener" }));
    return item;
  }));
}
