// The page works without scripts: forms and links do everything. This makes it quicker: it fetches the same pages and
// swaps the parts that changed, keeps what was shown for the way back, and measures the transfer.

export const form = document.getElementById('search');
export const results = document.getElementById('results');
export const words = JSON.parse(document.body.dataset.words);
const file = document.getElementById('file');
const status = document.getElementById('status');
const mode = () => form.elements.mode.value;
const listeners = [];
let running = null;

document.documentElement.classList.add('js');
history.scrollRestoration = 'manual';

// A word of the page's language with its values in it.
export function word(name, values = {}) {
  return Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), words[`script_${name}`]);
}

export function say(text) {
  status.textContent = text;
}

// Whether the form has an image to send, which no link can hold: a file, or the address of one.
export const hasImage = () => file.files.length > 0 || Boolean(form.elements.address?.value.trim());

// Calls back whenever another page is shown, and now for the first one.
export function whenShown(callback) {
  listeners.push(callback);
  callback();
}

// The link of the search that the form describes. A typed id is all that it is near to.
function link() {
  const link = new URL('/', location);
  const values = new FormData(form);
  const id = values.get('id').trim();
  if (id) link.searchParams.set('id', id);
  else {
    if (values.get('upload')) link.searchParams.set('upload', values.get('upload'));
    for (const like of values.getAll('also')) link.searchParams.append('id', like);
    for (const unlike of values.getAll('not')) link.searchParams.append('not', unlike);
  }
  const usual = { k: '24', class: '', mode: 'index', ef: '', within: '' };
  for (const [name, value] of Object.entries(usual)) {
    if (values.get(name) && values.get(name) !== value) link.searchParams.set(name, values.get(name));
  }
  return link;
}

function ghosts(count) {
  results.classList.add('busy');
  results.setAttribute('aria-busy', 'true');
  const head = results.querySelector('.head, .walk')?.cloneNode(true);
  const grid = document.createElement('ol');
  grid.className = 'grid';
  const ghost = document.createElement('li');
  ghost.className = 'ghost';
  ghost.innerHTML = '<span class="card"><span class="tile"></span><span class="line"></span></span>';
  grid.replaceChildren(...Array.from({ length: Math.min(count, 60) }, () => ghost.cloneNode(true)));
  results.replaceChildren(...(head ? [head] : []), grid);
}

// What the page shows now, and what it has shown: the way back needs no request, and finds what was scrolled in.
const kept = new Map();
let view = history.state?.view ?? Date.now();
let address = location.href;

// What the form said when the page was shown: by the time it is left, somebody has changed it.
let fields = ['id', 'k', 'ef', 'class', 'within', 'mode'].map(name => [name, form.elements[name].value]);

function keep() {
  if (results.classList.contains('busy')) return;
  kept.set(view, { address, scroll: scrollY, title: document.title, nodes: [...results.childNodes], query: document.getElementById('query'), languages: document.getElementById('languages'), fields });
  if (kept.size > 20) kept.delete(kept.keys().next().value);
}

function restore(shown) {
  document.title = shown.title;
  results.replaceChildren(...shown.nodes);
  document.getElementById('query').replaceWith(shown.query);
  document.getElementById('languages').replaceWith(shown.languages);
  fields = shown.fields;
  for (const [name, value] of fields) form.elements[name].value = value;
  file.value = '';
  if (form.elements.address) form.elements.address.value = '';
  settle();
}

// Takes over what a fetched page says; the form's controls keep their focus and take the new values.
function show(page) {
  const values = ['id', 'k', 'ef', 'class', 'within'].map(name => [name, page.getElementById(name).value]);
  restore({
    title: page.title,
    nodes: [...page.getElementById('results').childNodes],
    query: page.getElementById('query'),
    languages: page.getElementById('languages'),
    fields: [...values, ['mode', page.querySelector('[name=mode]:checked').value]],
  });
}

// What the server cannot do in its HTML: what needs a script is shown, images fade in as they come.
function settle() {
  results.classList.remove('busy');
  results.removeAttribute('aria-busy');
  for (const element of document.querySelectorAll('.with-script')) element.hidden = false;
  for (const image of results.querySelectorAll('.tile img')) arrive(image);
  form.elements.ef.disabled = mode() === 'exact';
  for (const listener of listeners) listener();
}

export function arrive(image) {
  if (image.complete) image.classList.add('here');
  else for (const event of ['load', 'error']) image.addEventListener(event, () => image.classList.add('here'));
}

// Fetches a page of this server. `elapsed` is what this browser waited in all.
export async function fetchPage(request) {
  const started = performance.now();
  const response = await fetch(request);
  const login = new URL(response.url);
  if (login.pathname === '/login') {
    // It has ended, and leads back here; what was sent along is gone.
    if (request.method === 'POST') login.searchParams.set('return', location.pathname + location.search);
    login.searchParams.set('ended', '1');
    location.assign(login);
    await new Promise(() => {});
  }
  const text = (await response.text()).trim();
  const page = new DOMParser().parseFromString(text, 'text/html');
  if (!page.getElementById('results')) throw new Error(text.slice(0, 200) || response.statusText);
  return { page, response, elapsed: performance.now() - started };
}

export async function load(request, { push = true, scroll = 0, focus = false } = {}) {
  running?.abort();
  running = new AbortController();
  const mine = running;
  keep();
  ghosts(number(form.elements.k.value) || 24);
  say(word('searching'));
  try {
    const sent = new Request(request, { signal: mine.signal });
    const isUpload = sent.method === 'POST';
    const { page, response, elapsed } = await fetchPage(sent);
    show(page);
    // The features of an upload were made in the request before the redirect: they are not a transfer.
    const features = number(results.querySelector('.t-features dd')?.textContent);
    time(elapsed - (isUpload ? features : 0));
    if (push && (response.redirected || !isUpload)) {
      const from = view;
      view = Date.now();
      history.pushState({ view, from, scroll: 0 }, '', response.url);
      address = location.href;
    }
    scrollTo(0, scroll);
    if (focus) results.focus({ preventScroll: true });
    say(document.getElementById('heading').textContent);
  } catch (error) {
    if (mine.signal.aborted) return;
    fail(word('silent'), word('again', { error: error.message }));
  }
}

export function fail(title, text) {
  const box = document.createElement('div');
  box.className = 'failure';
  box.setAttribute('role', 'alert');
  const heading = document.createElement('h1');
  heading.id = 'heading';
  heading.textContent = title;
  const line = document.createElement('p');
  line.textContent = text;
  box.append(heading, line);
  results.replaceChildren(box);
  settle();
}

// Whether two addresses show the same images, one of them perhaps from a later one on.
function same(left, right) {
  const [one, other] = [left, right].map(address => new URL(address, location));
  for (const url of [one, other]) url.searchParams.delete('after');
  return one.href === other.href;
}

export function go(link, options) {
  history.replaceState({ ...history.state, view, scroll: scrollY }, '');
  const before = kept.get(history.state.from);
  if (before && same(before.address, link)) return history.back();
  return load(new Request(link), options);
}

// Back from an image to the images that led to it, which are still here with all that was scrolled in.
function back(link) {
  const shown = [...kept.values()].reverse().find(shown => same(shown.address, link));
  if (!shown || shown === kept.get(history.state.from)) return go(link, { focus: true });
  keep();
  const from = view;
  view = Date.now();
  history.pushState({ view, from, scroll: shown.scroll }, '', shown.address);
  address = shown.address;
  restore(shown);
  scrollTo(0, shown.scroll);
}

// The time and SQL under the images.

function number(text) {
  return Number.parseFloat(text) || 0;
}

function draw(parts) {
  const total = parts.reduce((sum, part) => sum + part.time, 0) || 1;
  const namespace = 'http://www.w3.org/2000/svg';
  const bar = document.createElementNS(namespace, 'svg');
  for (const [name, value] of [['class', 'split'], ['viewBox', '0 0 100 1'], ['preserveAspectRatio', 'none'], ['aria-hidden', 'true']]) {
    bar.setAttribute(name, value);
  }
  let left = 0;
  for (const part of parts) {
    const width = (100 * part.time) / total;
    const piece = document.createElementNS(namespace, 'rect');
    for (const [name, value] of [['class', `p-${part.name}`], ['x', left], ['width', width], ['height', 1]]) {
      piece.setAttribute(name, value);
    }
    left += width;
    bar.append(piece);
  }
  document.getElementById('timing').before(bar);
}

// What the server did not need of the time went over the wire.
function time(elapsed) {
  const timing = document.getElementById('timing');
  if (!timing) return;
  const part = name => timing.querySelector(`.t-${name} dd`);
  const transfer = Math.max(0, elapsed - number(timing.dataset.total));
  part('transfer').textContent = `${transfer.toFixed(transfer < 10 ? 1 : 0)} ms`;
  timing.querySelector('.t-transfer').hidden = false;
  draw(['features', 'database', 'other', 'transfer'].map(name => ({ name, time: number(part(name).textContent) })));
}

async function copySQL(button) {
  const sql = document.getElementById('sql');
  try {
    await navigator.clipboard.writeText(sql.textContent);
    button.textContent = word('copied');
    say(word('sql_copied'));
  } catch {
    getSelection().selectAllChildren(sql);
    button.textContent = word('selected');
    say(word('sql_selected'));
  }
  setTimeout(() => (button.textContent = word('copy')), 2000);
}

form.addEventListener('submit', event => {
  if (hasImage()) return;
  event.preventDefault();
  go(link(), { focus: true });
});

form.addEventListener('change', event => {
  if (['file', 'url'].includes(event.target.type)) return;
  form.elements.ef.disabled = mode() === 'exact';
  if (form.reportValidity()) go(link());
});

// Links to other pages of this kind; files and what opens elsewhere are left to the browser.
document.addEventListener('click', event => {
  if (event.target.id === 'copy') return copySQL(event.target);
  const link = event.target.closest('#results a, #query a');
  if (!link || link.target || link.hasAttribute('download') || event.defaultPrevented) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button) return;
  const { pathname } = new URL(link.href);
  if (pathname !== '/' && !pathname.startsWith('/images/')) return;
  event.preventDefault();
  if (link.matches('.back')) back(link.href);
  else go(link.href, { focus: true });
});

addEventListener('popstate', event => {
  // A link within the page, as to the images.
  if (!event.state) return;
  keep();
  view = event.state.view;
  address = location.href;
  running?.abort();
  if (!kept.has(view)) return load(new Request(location.href), { push: false, scroll: event.state.scroll });
  restore(kept.get(view));
  scrollTo(0, event.state.scroll);
  say(document.getElementById('heading').textContent);
});

// On a narrow screen the images come first.
if (matchMedia('(max-width: 52rem)').matches) document.getElementById('options').open = false;

history.replaceState({ ...history.state, view, scroll: scrollY }, '');
settle();
const [arrival] = performance.getEntriesByType('navigation');
if (arrival) time(arrival.responseEnd - arrival.requestStart);
