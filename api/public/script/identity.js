/*
 * Who uses the browser: `{anonymous, user, visit}`.
 *
 * `anonymous` is made by the script, `user` comes from `identify`, and `visit` is the token of a
 * clicked link: the server records calls with it on the contact that the message was for, until the
 * visitor is identified or the token is 30 days old.
 */
const VISIT = /([?&])parcours_visit=([^&#]*)(&?)/;

function identity() {
  try {
    return JSON.parse(read('identity')) || {};
  } catch (error) {
    return {};
  }
}

/** Change the identity, and return it; what is undefined is forgotten. */
function remember(changes) {
  const all = { ...identity(), ...changes };
  write('identity', JSON.stringify(all));
  return all;
}

/** The identity, with an anonymous id. */
function known() {
  const me = identity();
  return me.anonymous ? me : remember({ anonymous: random() });
}

/** Take the token of a clicked link out of the address bar, and keep it. */
function takeVisit() {
  const found = VISIT.exec(location.search);
  if (!found) return;
  const url = location.href.replace(VISIT, (all, before, token, after) => after && before);
  history.replaceState(history.state, '', url);
  if (!identity().user) remember({ visit: found[2] });
}
