// The page works without this file: forms and links do everything. This makes it quicker: it fetches the same pages
// and swaps the parts that changed, takes images that are dropped or pasted, and measures the transfer.
'use strict';

const form = document.getElementById('search');
const results = document.getElementById('results');
const status = document.getElementById('status');
const file = document.getElementById('file');
const mode = () => form.elements.mode.value;
let running = null;

document.documentElement.classList.add('js');
history.scrollRestoration = 'manual';

function say(text) {
  status.textContent = text;
}

function link() {
  const link = new URL('/', location);
  const values = new FormData(form);
  const id = values.get('id').trim();
  if (id) link.searchParams.set('id', id);
  else if (values.get('upload')) link.searchParams.set('upload', values.get('upload'));
  const usual = { k: '24', class: '', mode: 'index', ef: '', within: '' };
  for (const [name, value] of Object.entries(usual)) {
    if (values.get(name) && values.get(name) !== value) link.searchParams.set(name, values.get(name));
  }
  return link;
}

function ghosts(count) {
  results.classList.add('busy');
  results.setAttribute('aria-busy', 'true');
  let grid = results.querySelector('.grid');
  if (!grid) {
    grid = document.createElement('ol');
    grid.className = 'grid';
    results.append(grid);
  }
  const ghost = document.createElement('li');
  ghost.className = 'ghost';
  ghost.innerHTML = '<span class="card"><span class="tile"></span><span class="line"></span></span>';
  grid.replaceChildren(...Array.from({ length: Math.min(count, 60) }, () => ghost.cloneNode(true)));
}

// Replaces what a new page says differently; the form's controls keep their focus and take the new values.
function show(page) {
  document.title = page.title;
  results.replaceChildren(...page.getElementById('results').childNodes);
  document.getElementById('query').replaceWith(page.getElementById('query'));
  for (const name of ['id', 'k', 'ef', 'class', 'within']) form.elements[name].value = page.getElementById(name).value;
  for (const radio of page.querySelectorAll('[name=mode]')) {
    if (radio.checked) form.elements.mode.value = radio.value;
  }
  file.value = '';
  settle();
}

// What the server cannot do in its HTML: what needs a script is shown, images fade in as they come.
function settle() {
  results.classList.remove('busy');
  results.removeAttribute('aria-busy');
  for (const element of document.querySelectorAll('.with-script')) element.hidden = false;
  for (const image of document.querySelectorAll('.tile img')) arrive(image);
  form.elements.ef.disabled = mode() === 'exact';
}

function arrive(image) {
  if (image.complete) image.classList.add('here');
  else for (const event of ['load', 'error']) image.addEventListener(event, () => image.classList.add('here'));
}

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

// `elapsed` is what this browser waited in all; what the server did not need of it went over the wire.
function time(elapsed) {
  const timing = document.getElementById('timing');
  if (!timing) return;
  const part = name => timing.querySelector(`.t-${name} dd`);
  const transfer = Math.max(0, elapsed - number(timing.dataset.total));
  part('transfer').textContent = `${transfer.toFixed(transfer < 10 ? 1 : 0)} ms`;
  timing.querySelector('.t-transfer').hidden = false;
  draw(['features', 'database', 'other', 'transfer'].map(name => ({ name, time: number(part(name).textContent) })));
}

async function load(request, { push = true, scroll = 0, focus = false } = {}) {
  running?.abort();
  running = new AbortController();
  const mine = running;
  ghosts(number(form.elements.k.value) || 24);
  say('Searching…');
  try {
    const sent = new Request(request, { signal: mine.signal });
    const isUpload = sent.method === 'POST';
    const started = performance.now();
    const response = await fetch(sent);
    const text = await response.text();
    const elapsed = performance.now() - started;
    const page = new DOMParser().parseFromString(text, 'text/html');
    if (!page.getElementById('results')) throw new Error(text.slice(0, 200) || response.statusText);
    show(page);
    // The features of an upload were made in the request before the redirect: they are no transfer.
    const features = number(document.querySelector('.t-features dd')?.textContent);
    time(elapsed - (isUpload ? features : 0));
    if (push && (response.redirected || !isUpload)) history.pushState({ scroll: 0 }, '', response.url);
    scrollTo(0, scroll);
    if (focus) results.focus({ preventScroll: true });
    say(document.getElementById('heading').textContent);
  } catch (error) {
    if (mine.signal.aborted) return;
    fail('The server does not answer', `${error.message}. Try again in a moment.`);
  }
}

function fail(title, text) {
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

function go(link, options) {
  history.replaceState({ scroll: scrollY }, '');
  return load(new Request(link), options);
}

function upload(image) {
  if (!image) return;
  if (!image.type.startsWith('image/')) {
    fail('That file cannot be searched with', `${image.name} is not an image.`);
    return;
  }
  const body = new FormData(form);
  body.delete('id');
  body.delete('upload');
  body.set('image', image, image.name || 'pasted.png');
  preview(image);
  history.replaceState({ scroll: scrollY }, '');
  load(new Request('/search', { method: 'POST', body }), { focus: true });
}

function preview(file) {
  const figure = document.createElement('figure');
  const image = document.createElement('img');
  const caption = document.createElement('figcaption');
  image.src = URL.createObjectURL(file);
  image.alt = 'The image that the search starts from';
  image.addEventListener('load', () => URL.revokeObjectURL(image.src));
  caption.textContent = file.name;
  figure.append(image, caption);
  const query = document.getElementById('query');
  query.querySelector('figure')?.remove();
  query.prepend(figure);
}

function imageIn(data) {
  return [...(data?.files ?? [])].find(entry => entry.type.startsWith('image/')) ?? data?.files?.[0];
}

async function copy(button) {
  const sql = document.getElementById('sql');
  try {
    await navigator.clipboard.writeText(sql.textContent);
    button.textContent = 'Copied';
    say('SQL copied');
  } catch {
    getSelection().selectAllChildren(sql);
    button.textContent = 'Selected';
    say('SQL selected; copy it with the keyboard');
  }
  setTimeout(() => (button.textContent = 'Copy'), 2000);
}

// Arrow keys walk the grid; the number of columns is read from where the cards stand.
function walk(event) {
  const cards = [...results.querySelectorAll('a.card')];
  const here = cards.indexOf(document.activeElement);
  if (here < 0) return;
  const columns = cards.filter(card => card.offsetTop === cards[0].offsetTop).length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const next = event.key === 'Home' ? cards[0] : event.key === 'End' ? cards.at(-1) : cards[here + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

form.addEventListener('submit', event => {
  event.preventDefault();
  if (file.files.length) upload(file.files[0]);
  else go(link(), { focus: true });
});

form.addEventListener('change', event => {
  if (event.target === file) return upload(file.files[0]);
  form.elements.ef.disabled = mode() === 'exact';
  if (form.reportValidity()) go(link());
});

results.addEventListener('click', event => {
  if (event.target.id === 'copy') return copy(event.target);
  const card = event.target.closest('a.card, a.further');
  if (!card || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(card.href, card.matches('.further') ? { scroll: scrollY } : { focus: true });
});

addEventListener('popstate', event => {
  load(new Request(location.href), { push: false, scroll: event.state?.scroll ?? 0 });
});

addEventListener('keydown', event => {
  const isTyping = event.target.closest('input, select, textarea');
  if (event.key === '/' && !isTyping) {
    event.preventDefault();
    document.getElementById('options').open = true;
    form.elements.id.select();
  } else if (!isTyping) walk(event);
});

addEventListener('paste', event => {
  const image = imageIn(event.clipboardData);
  if (!image) return;
  event.preventDefault();
  upload(image);
});

let depth = 0;
function drag(change) {
  depth = Math.max(0, depth + change);
  document.body.classList.toggle('dragging', depth > 0);
}
addEventListener('dragenter', event => {
  if (event.dataTransfer?.types.includes('Files')) drag(1);
});
addEventListener('dragleave', () => drag(-1));
addEventListener('dragover', event => event.preventDefault());
addEventListener('drop', event => {
  event.preventDefault();
  drag(-depth);
  upload(imageIn(event.dataTransfer));
});

// On a narrow screen the images come first.
if (matchMedia('(max-width: 52rem)').matches) document.getElementById('options').open = false;

settle();
const [arrival] = performance.getEntriesByType('navigation');
if (arrival) time(arrival.responseEnd - arrival.requestStart);
