/* The shop: what is in the cart lies in this browser, and each change of it is an event. */
'use strict';

const LEAST = 20; // The journey of abandoned carts wants a total of this.
const find = (selector) => document.querySelector(selector);
const goods = new Map(
  [...document.querySelectorAll('.card')].map((card) => [
    card.dataset.sku,
    { sku: card.dataset.sku, name: card.dataset.name, price: Number(card.dataset.price) },
  ]),
);

/* Calls wait in a list until the script of Parcours is there. */
const track = (event, properties) => {
  (window.parcours = window.parcours || []).push(['track', event, properties]);
};

const KEEP = 'shop.';
const keep = (name, value) => localStorage.setItem(KEEP + name, JSON.stringify(value));
const kept = (name, otherwise) => JSON.parse(localStorage.getItem(KEEP + name)) || otherwise;
const newCart = () => ({ id: 'cart-' + crypto.getRandomValues(new Uint32Array(2)).join('-'), items: {} });

let cart = kept('cart', newCart());

function itemsOf() {
  return Object.entries(cart.items)
    .filter(([sku]) => goods.has(sku))
    .map(([sku, quantity]) => ({ ...goods.get(sku), quantity }));
}

const totalOf = () => itemsOf().reduce((sum, item) => sum + item.price * item.quantity, 0);

function element(name, text, inside) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (inside) inside.append(made);
  return made;
}

function say(text) {
  find('[data-said]').textContent = text;
}

function show() {
  const items = itemsOf();
  find('[data-count]').textContent = items.reduce((sum, item) => sum + item.quantity, 0);
  find('[data-empty]').hidden = items.length > 0;
  find('[data-filled]').hidden = items.length === 0;
  find('[data-total]').textContent = '€' + totalOf();
  find('[data-lines]').replaceChildren(
    ...items.map((item) => {
      const line = element('li');
      element('span', item.quantity + ' × ' + item.name, line);
      element('strong', '€' + item.price * item.quantity, line);
      return line;
    }),
  );
}

function changed() {
  keep('cart', cart);
  show();
  track('Cart Updated', { cart_id: cart.id, total: totalOf(), items: itemsOf() });
}

document.querySelectorAll('.card button').forEach((button) => {
  button.addEventListener('click', () => {
    const { sku } = button.closest('.card').dataset;
    cart.items[sku] = (cart.items[sku] || 0) + 1;
    changed();
    const more = LEAST - totalOf();
    say(goods.get(sku).name + ' is in the cart.' + (more > 0 ? ' A reminder comes for €' + LEAST + ' or more.' : ''));
  });
});

find('[data-clear]').addEventListener('click', () => {
  cart.items = {};
  changed();
  cart = newCart();
  keep('cart', cart);
  say('The cart is empty.');
});

find('[data-order]').addEventListener('click', () => {
  track('Order Completed', { order_id: 'order-' + cart.id, cart_id: cart.id, total: totalOf() });
  cart = newCart();
  keep('cart', cart);
  show();
  say('Thank you for your order. No reminder will come.');
});

const remind = find('[data-remind]');
remind.checked = kept('remind', false);
remind.addEventListener('change', () => {
  keep('remind', remind.checked);
  const text = find('[data-remind-text]').textContent;
  track(remind.checked ? 'Topic Subscribed' : 'Topic Unsubscribed', { topic: 'offers', source: 'form', text });
  if (remind.checked) {
    say(kept('address', '') ? 'You will be reminded.' : 'Sign up for the letters, so that the shop knows your address.');
  }
});

/* Who signed up here; the inbox shows their mails. */
const form = find('form');
form.addEventListener('submit', () => form.setAttribute('aria-busy', 'true'));
let typed = '';
form.addEventListener('input', () => {
  typed = form.elements.email.value.trim();
});
form.addEventListener('parcours', (event) => {
  form.removeAttribute('aria-busy');
  if (!event.detail.thanks) return;
  keep('address', typed);
  look();
});

const LINK = /https?:\/\/[^\s<>"]+/g;

function withLinks(text) {
  const shown = element('pre');
  let from = 0;
  for (const link of text.matchAll(LINK)) {
    shown.append(text.slice(from, link.index));
    element('a', link[0], shown).href = link[0];
    from = link.index + link[0].length;
  }
  shown.append(text.slice(from));
  return shown;
}

const seen = new Map();

async function look() {
  const address = kept('address', '');
  if (!address) return;
  const answer = await fetch('/dev/inbox?to=' + encodeURIComponent(address));
  const mails = answer.ok ? await answer.json() : [];
  find('[data-nothing]').hidden = mails.length > 0;
  mails.forEach((mail, number) => {
    if (seen.has(number)) return;
    const line = element('li');
    const details = element('details', undefined, line);
    const summary = element('summary', mail.subject || mail.text.slice(0, 80), details);
    element('small', new Date(mail.received_at).toLocaleTimeString() + ' to ' + mail.to, summary);
    details.append(withLinks(mail.text || ''));
    details.open = true;
    seen.forEach((each) => each.removeAttribute('open'));
    seen.set(number, details);
    find('[data-mails]').prepend(line);
  });
}

find('[data-again]').addEventListener('click', look);
setInterval(() => document.hidden || look().catch(() => {}), 2000);

/* How long the waits take here. */
const speed = Number(document.body.dataset.speed);
if (speed !== 1) {
  const words = (seconds) => (seconds < 90 ? Math.round(seconds) + ' s' : Math.round(seconds / 60) + ' min');
  document.querySelectorAll('[data-wait]').forEach((wait) => {
    wait.textContent = words(wait.dataset.wait / speed);
  });
  find('[data-pace]').textContent =
    'Waits are divided by ' + speed + ' here: an hour takes ' + words(3600 / speed) + '.';
}
find('[data-missing]').hidden = document.body.dataset.ready === 'yes';
show();
look().catch(() => {});
