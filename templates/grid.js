// The images: arrow keys, more of them at the end, a selection that outlives searches, and the image by itself.

import { arrive, fetchPage, form, go, results, say, whenShown, word } from './page.js';

const cards = () => [...results.querySelectorAll('a.card')];

// Arrow keys walk the grid; the number of columns is read from where the cards stand.
function walk(event) {
  const all = cards();
  const here = all.indexOf(document.activeElement);
  if (here < 0) return false;
  const top = card => card.getBoundingClientRect().top;
  const columns = all.filter(card => top(card) === top(all[0])).length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const next = event.key === 'Home' ? all[0] : event.key === 'End' ? all.at(-1) : all[here + step];
  if (!next) return false;
  event.preventDefault();
  next.focus();
  return true;
}

// The keys of an image by itself.
function turn(event) {
  const wanted = { ArrowLeft: 'a[rel=prev]', ArrowRight: 'a[rel=next]', Escape: 'a.back', m: '#like', n: '#unlike' }[event.key];
  const link = wanted && results.querySelector('.detail') && results.querySelector(wanted);
  if (!link) return;
  event.preventDefault();
  link.click();
}

addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.target.closest?.('input:not([type=checkbox]), select, textarea')) return;
  if (event.key === '/') {
    event.preventDefault();
    document.getElementById('options').open = true;
    form.elements.id.select();
  } else if (event.key === 'x' && document.activeElement.matches('a.card')) {
    document.activeElement.closest('.item').querySelector('.pick input').click();
  } else if (!walk(event)) turn(event);
});

// More images, as soon as somebody has scrolled to the end of those that are here.

let isLoading = false;

async function more() {
  const further = results.querySelector('a.further');
  if (!further || isLoading) return;
  isLoading = true;
  say(word('loading'));
  try {
    const { page } = await fetchPage(further.href);
    if (!further.isConnected) return;
    const grid = results.querySelector('.grid');
    const known = new Set([...grid.children].map(item => item.dataset.id));
    const items = [...page.querySelectorAll('#results .grid > .item')].filter(item => !known.has(item.dataset.id));
    grid.append(...items);
    for (const image of grid.querySelectorAll('.tile img:not(.here)')) arrive(image);
    const next = page.querySelector('a.further');
    if (next) further.href = next.href;
    else further.remove();
    const csv = document.getElementById('csv');
    const link = csv && new URL(csv.href);
    link?.searchParams.set('k', Math.min(grid.children.length, form.elements.k.max));
    if (link) csv.href = link;
    mark();
    say(word('loaded', { count: grid.children.length }));
  } catch {
    // The link stays: whoever follows it sees what is wrong.
  } finally {
    isLoading = false;
  }
}

const watcher = new IntersectionObserver(
  entries => entries.some(entry => entry.isIntersecting) && more(),
  { rootMargin: '600px' },
);

// Who asks for five images gets five, until he scrolls.
addEventListener('scroll', () => {
  const further = results.querySelector('a.further');
  if (further && scrollY > 0) watcher.observe(further);
}, { passive: true });

results.addEventListener('click', event => {
  const further = event.target.closest('a.further');
  if (!further || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  more();
});

// The selection.

const selected = new Map();
let bar = null;

function mark() {
  for (const box of results.querySelectorAll('.pick input')) box.checked = selected.has(box.value);
  document.body.classList.toggle('picking', selected.size > 0);
}

function button(name, action) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'plain';
  button.textContent = word(name);
  button.addEventListener('click', () => action(button));
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(word('copied'));
  } catch {
    prompt(word('copy'), text);
  }
}

// RFC 4180.
function csv() {
  const field = text => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = [...selected].map(([id, item]) => [id, item.class, item.name, item.distance].map(field).join(','));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([['id,class,name,distance', ...rows, ''].join('\r\n')], { type: 'text/csv' }));
  link.download = 'selected.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The search that is shown now, with the selection as examples.
function near(name) {
  const link = new URL('/', location);
  const now = new URLSearchParams(location.search);
  for (const option of ['class', 'mode', 'k', 'ef']) if (now.has(option)) link.searchParams.set(option, now.get(option));
  if (name === 'not') for (const key of ['upload', 'id', 'not']) for (const value of now.getAll(key)) link.searchParams.append(key, value);
  for (const id of selected.keys()) link.searchParams.append(name, id);
  go(link, { focus: true });
}

function show() {
  bar?.remove();
  bar = null;
  mark();
  if (selected.size === 0) return;
  bar = document.createElement('div');
  bar.className = 'selection';
  bar.setAttribute('role', 'region');
  bar.setAttribute('aria-label', word('selection'));
  const count = document.createElement('strong');
  count.textContent = selected.size === 1 ? word('count_one') : word('count', { count: selected.size });
  const hasSubject = ['id', 'upload'].some(name => new URLSearchParams(location.search).has(name));
  const links = () => [...selected.keys()].map(id => new URL(`/images/${encodeURIComponent(id)}`, location).href);
  bar.append(
    count,
    button('like', () => near('id')),
    ...(hasSubject ? [button('unlike', () => near('not'))] : []),
    button('ids', () => copy([...selected.keys()].join('\n'))),
    button('links', () => copy(links().join('\n'))),
    button('csv', csv),
    button('clear', () => {
      selected.clear();
      show();
    }),
  );
  document.querySelector('main').after(bar);
}

results.addEventListener('change', event => {
  const box = event.target;
  if (!box.closest('.pick')) return;
  const { class: name, name: file, distance } = box.closest('.item').dataset;
  if (box.checked) selected.set(box.value, { class: name, name: file, distance });
  else selected.delete(box.value);
  show();
});

results.addEventListener('submit', event => event.preventDefault());

whenShown(show);
