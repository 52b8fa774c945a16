/*
 * The start: the calls that were made before the script was there, page views, and sending.
 */
const host = options.host || script.src.replace(/\/parcours\.js.*/, '');
const api = { push: (call) => api[call[0]](...call.slice(1)) };
let early = window.parcours;

/** Make the calls that have waited. */
function begin() {
  // A page that a browser has made ready ahead is not viewed yet.
  if (!early || document.prerendering) return;
  const waiting = early;
  early = null;
  known();
  waiting.forEach(api.push);
  view();
  extensions.forEach((extension) => extension());
  flush();
}

/** Record a view of the page, unless this was done, or is left to the site. */
function view() {
  if (!early && options.pages !== 'off' && address() !== seen) api.page();
}

function start() {
  early = early || [];
  Object.keys(calls).forEach((name) => {
    api[name] = (...given) => {
      try {
        return early ? early.push([name, ...given]) : calls[name](...given);
      } catch (error) {
        // The site goes on.
        console.warn('parcours:', error);
      }
    };
  });
  window.parcours = api;
  takeVisit();
  // The title comes after the address, and several changes at once are one page.
  const changed = () => setTimeout(view, 50);
  ['pushState', 'replaceState'].forEach((name) => {
    const change = history[name];
    history[name] = function (...given) {
      change.apply(this, given);
      changed();
    };
  });
  addEventListener('popstate', changed);
  addEventListener('hashchange', changed);
  addEventListener('pageshow', (event) => {
    if (event.persisted) {
      seen = '';
      view();
    }
  });
  addEventListener('online', () => {
    failures = 0;
    flush();
  });
  const leave = () => {
    begin();
    view();
    if (flying.size) remove('lease');
    flush(true);
  };
  addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', () => document.hidden && leave());
  document.addEventListener('prerenderingchange', begin);
  // Two tabs that open at once are one browser: the second waits for the id of the first.
  if (navigator.locks && allowed() && !identity().anonymous) exclusively(begin);
  else begin();
}

// A page that loads the script twice has it once.
if (!early || Array.isArray(early)) start();
