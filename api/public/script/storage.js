/*
 * What the script keeps in the browser, and whether it may.
 *
 * Everything lies in localStorage under names that begin with `parcours.`, read again at each call:
 * another tab may have changed it. What cannot lie there (storage is blocked or full, or the visitor
 * has not decided yet) is held in memory, and is gone with the page.
 */
const PREFIX = 'parcours.';
const held = {};
const script = document.currentScript || document.querySelector('script[data-key]');
const options = script.dataset;

/** The text under a name; null if there is none. */
function read(name) {
  try {
    return name in held ? held[name] : localStorage.getItem(PREFIX + name);
  } catch (error) {
    return null;
  }
}

/** Keep a text: in storage if the visitor allows it, in memory if no decision was made. */
function write(name, text, always) {
  if (always || allowed()) {
    try {
      localStorage.setItem(PREFIX + name, text);
      delete held[name];
      return;
    } catch (error) {
      // It is held below.
    }
  } else if (read('consent')) {
    return;
  }
  held[name] = text;
}

function remove(name) {
  delete held[name];
  try {
    localStorage.removeItem(PREFIX + name);
  } catch (error) {
    // There is nothing to remove.
  }
}

/** The names under which something is kept, in order. */
function names() {
  let all = [];
  try {
    all = Object.keys(localStorage);
  } catch (error) {
    // Only memory is left.
  }
  return all
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => name.slice(PREFIX.length))
    .concat(Object.keys(held))
    .sort();
}

/**
 * Whether something may be stored and sent. What the visitor said by `consent` decides; until then
 * `data-consent="required"`, Global Privacy Control and Do Not Track mean no.
 */
function allowed() {
  const said = read('consent');
  return said
    ? said === 'yes'
    : !(options.consent === 'required' || navigator.globalPrivacyControl
        || navigator.doNotTrack === '1');
}

/**
 * Do some work while no other tab does any: by a Web Lock, which pages of HTTPS have, else by a lease
 * of ten seconds. Two tabs may take a lease at once; the server takes each message id once.
 */
async function exclusively(work) {
  if (navigator.locks) {
    try {
      return await navigator.locks.request(PREFIX, work);
    } catch (error) {
      // There are no locks where storage is blocked.
      return work();
    }
  }
  if (Math.abs(read('lease') - Date.now() - 5e3) < 5e3) return later(1e3);
  write('lease', Date.now() + 1e4);
  await work();
  remove('lease');
}

/** Random text that cannot be guessed: 128 bits. */
function random() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('');
}
