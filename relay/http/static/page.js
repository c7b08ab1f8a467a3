// Fetches the page anew every two seconds and puts in what has changed. What the
// reader has opened, focused, typed or scrolled to stays as it is.
"use strict";

const every = 2000;      // milliseconds between two fetches
const patience = 10000;  // until a fetch has failed
const typing = 200;      // after the last key, until a filter applies

const fresh = document.getElementById("fresh");
const stale = document.getElementById("stale");
const announce = document.getElementById("announce");
const parts = ["about", "overall", "findings", "servers", "interfaces", "transactions", "drops"];
const counts = ["n-findings", "n-servers", "n-interfaces", "n-drops"];

let last = performance.now(); // when what is shown was fetched
let failure = "";             // why the latest fetch failed
let timer = 0;
let running = null;           // the fetch under way
let known = findings(document);

// morph makes a node like another one and keeps its identity.
function morph(node, want) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.nodeValue !== want.nodeValue) node.nodeValue = want.nodeValue;
    return;
  }
  for (const a of [...node.attributes]) {
    if (!want.hasAttribute(a.name) && !(a.name === "open" && node.localName === "details")) node.removeAttribute(a.name);
  }
  for (const a of want.attributes) {
    if (node.getAttribute(a.name) !== a.value) node.setAttribute(a.name, a.value);
  }
  const ids = new Map();
  for (const c of node.children) if (c.id) ids.set(c.id, c);
  const wanted = new Set();
  for (const c of want.children) if (c.id) wanted.add(c.id);
  let at = node.firstChild;
  const dropUnwanted = () => {
    while (at && at.id && !wanted.has(at.id)) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };
  for (const w of want.childNodes) {
    dropUnwanted();
    let have = null;
    if (w.id) have = ids.get(w.id) || null;
    else if (at && !at.id && at.nodeName === w.nodeName) have = at;
    if (!have) {
      node.insertBefore(document.importNode(w, true), at);
      continue;
    }
    ids.delete(w.id);
    if (have !== at) node.insertBefore(have, at);
    morph(have, w);
    at = have.nextSibling;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

// findings returns what is wrong by the ids of the findings.
function findings(doc) {
  const found = new Map();
  for (const li of doc.querySelectorAll("#finding-list > li")) found.set(li.id, li.textContent.trim().replace(/\s+/g, " "));
  return found;
}

// tellFindings tells what is new to those who do not see it. A count that changes
// is not new.
function tellFindings(now) {
  const said = [];
  for (const [id, text] of now) if (!known.has(id)) said.push("New finding: " + text);
  for (const [id] of known) if (!now.has(id)) said.push("No longer found: " + id.split(" ").slice(2).join(" "));
  known = now;
  if (said.length) announce.textContent = said.join(". ");
}

async function refresh() {
  clearTimeout(timer);
  if (running) running.abort();
  const mine = running = new AbortController();
  const end = setTimeout(() => mine.abort(), patience);
  try {
    const answer = await fetch(location.pathname + location.search, { cache: "no-store", signal: mine.signal });
    const text = await answer.text();
    if (mine !== running) return;
    if (!answer.ok) throw new Error(answer.status + " " + answer.statusText);
    const doc = new DOMParser().parseFromString(text, "text/html");
    if (!doc.getElementById("main")) throw new Error("something else answers in its place");
    show(doc);
    last = performance.now();
    failure = "";
  } catch (err) {
    if (mine !== running) return; // a later fetch took its place
    failure = err instanceof TypeError || err.name === "AbortError" ? "no answer" : err.message;
  } finally {
    clearTimeout(end);
    if (mine === running) {
      running = null;
      tellAge();
      if (!document.hidden) timer = setTimeout(refresh, every);
    }
  }
}

function show(doc) {
  const focus = document.activeElement;
  for (const id of parts.concat(counts)) morph(document.getElementById(id), doc.getElementById(id));
  document.title = doc.title;
  const icon = document.getElementById("icon"), now = doc.getElementById("icon").getAttribute("href");
  if (icon.getAttribute("href") !== now) icon.setAttribute("href", now);
  fresh.textContent = "Live, as of " + doc.querySelector("#fresh time").textContent;
  if (focus && focus.isConnected && focus !== document.activeElement) focus.focus({ preventScroll: true });
  tellFindings(findings(doc));
}

// tellAge tells how old that is what the reader sees.
function tellAge() {
  const age = Math.round((performance.now() - last) / 1000);
  const old = failure !== "" || age * 1000 > patience;
  fresh.classList.toggle("live", !old);
  if (stale.hidden === old) stale.hidden = !old;
  if (old) {
    const text = "The daemon does not answer" + (failure && failure !== "no answer" ? " as it should (" + failure + ")" : "") + ". What you see is " + age + " s old.";
    if (stale.textContent !== text) stale.textContent = text;
  }
}

// search shows what a form asks for, and has the address say so.
function search(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim() !== "") query.append(name, value);
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? "?" + text : ""));
  refresh();
}

let waiting = 0;
document.addEventListener("input", (e) => {
  const form = e.target.form;
  if (!form || !form.hasAttribute("data-live")) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => search(form), typing);
});
document.addEventListener("submit", (e) => {
  if (!e.target.hasAttribute("data-live")) return;
  e.preventDefault();
  clearTimeout(waiting);
  search(e.target);
});
document.addEventListener("click", (e) => {
  const link = e.target.closest("a[data-soft]");
  if (!link || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  e.preventDefault();
  history.replaceState(null, "", link.getAttribute("href"));
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    refresh();
    return;
  }
  clearTimeout(timer);
  if (running) running.abort();
  running = null;
});
setInterval(() => { if (!document.hidden) tellAge(); }, 1000);
tellAge();
timer = setTimeout(refresh, every);
