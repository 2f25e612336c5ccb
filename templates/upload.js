// Images of one's own: chosen, photographed, dropped or pasted, and a part cut out of the one that is searched with.

import { fail, form, hasImage, load, word } from './page.js';

const file = document.getElementById('file');
const camera = document.getElementById('camera');

function upload(image) {
  if (!image) return;
  if (!image.type.startsWith('image/')) {
    fail(word('bad_file'), word('not_image', { name: image.name }));
    return;
  }
  send(body => body.set('image', image, image.name || 'pasted.png'));
  preview(image);
}

// Sends the form with an image in place of what the search was near to.
function send(fill) {
  const body = new FormData(form);
  for (const name of ['image', 'address', 'id', 'upload', 'also', 'not']) body.delete(name);
  fill(body);
  history.replaceState({ ...history.state, scroll: scrollY }, '');
  load(new Request('/search', { method: 'POST', body }), { focus: true });
}

// Shows the image while it is on its way, in place of the one before.
function preview(image) {
  const figure = document.createElement('figure');
  const shown = document.createElement('img');
  const caption = document.createElement('figcaption');
  shown.src = URL.createObjectURL(image);
  shown.alt = word('query_alt');
  shown.addEventListener('load', () => URL.revokeObjectURL(shown.src));
  caption.textContent = image.name;
  figure.append(shown, caption);
  const query = document.createElement('div');
  query.id = 'query';
  query.className = 'query';
  query.append(figure);
  document.getElementById('query').replaceWith(query);
}

function imageIn(data) {
  return [...(data?.files ?? [])].find(entry => entry.type.startsWith('image/')) ?? data?.files?.[0];
}

for (const input of [file, camera]) {
  input.addEventListener('change', () => {
    upload(input.files[0]);
    input.value = '';
  });
}

form.addEventListener('submit', event => {
  if (!hasImage()) return;
  event.preventDefault();
  const address = form.elements.address?.value;
  if (file.files.length) upload(file.files[0]);
  else send(body => body.set('address', address));
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

// A part of the image: a rectangle in shares of its width and height, drawn with the pointer or moved by keys.

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function crop(source, name) {
  const region = { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };
  const image = element('img', { src: source, alt: word('query_alt'), draggable: false });
  const box = element('div', { className: 'region', tabIndex: 0 });
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', word('crop_help'));
  const stage = element('div', { className: 'cropping' }, image, box);
  const ok = element('button', { type: 'button', className: 'go', textContent: word('crop_go') });
  const cancel = element('button', { type: 'button', className: 'plain', textContent: word('cancel') });
  const heading = element('h2', { id: 'crop-heading', textContent: word('crop') });
  const help = element('p', { className: 'options', textContent: word('crop_help') });
  const dialog = element('dialog', { className: 'crop' }, heading, help, stage, element('p', { className: 'acts' }, ok, cancel));
  dialog.setAttribute('aria-labelledby', 'crop-heading');

  const place = () => {
    region.width = Math.min(1, Math.max(0.02, region.width));
    region.height = Math.min(1, Math.max(0.02, region.height));
    region.x = Math.min(1 - region.width, Math.max(0, region.x));
    region.y = Math.min(1 - region.height, Math.max(0, region.y));
    for (const [side, value] of [['left', region.x], ['top', region.y], ['width', region.width], ['height', region.height]]) {
      box.style[side] = `${100 * value}%`;
    }
  };
  const at = event => {
    const { left, top, width, height } = image.getBoundingClientRect();
    const share = value => Math.min(1, Math.max(0, value));
    return { x: share((event.clientX - left) / width), y: share((event.clientY - top) / height) };
  };
  stage.addEventListener('pointerdown', event => {
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    const start = at(event);
    stage.onpointermove = moved => {
      const end = at(moved);
      Object.assign(region, {
        x: Math.min(start.x, end.x), y: Math.min(start.y, end.y),
        width: Math.abs(end.x - start.x), height: Math.abs(end.y - start.y),
      });
      place();
    };
  });
  stage.addEventListener('pointerup', () => (stage.onpointermove = null));
  box.addEventListener('keydown', event => {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (!x && !y) return;
    event.preventDefault();
    if (event.shiftKey) [region.width, region.height] = [region.width + x / 50, region.height + y / 50];
    else [region.x, region.y] = [region.x + x / 50, region.y + y / 50];
    place();
  });
  ok.addEventListener('click', () => {
    const { naturalWidth: width, naturalHeight: height } = image;
    const canvas = element('canvas', { width: Math.max(1, region.width * width), height: Math.max(1, region.height * height) });
    canvas.getContext('2d').drawImage(
      image, region.x * width, region.y * height, canvas.width, canvas.height, 0, 0, canvas.width, canvas.height,
    );
    canvas.toBlob(blob => {
      dialog.close();
      upload(new File([blob], name, { type: 'image/png' }));
    }, 'image/png');
  });
  cancel.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  place();
  dialog.showModal();
  box.focus();
}

document.addEventListener('click', event => {
  if (event.target.id !== 'crop') return;
  const figure = event.target.closest('figure');
  const shown = figure.querySelector('img');
  crop(shown.dataset.large, figure.querySelector('strong').textContent);
});
