/*
 * What a site calls: `parcours.identify`, `track`, `page` …
 */
let seen;
let before = document.referrer;

/** The address of the page: without a fragment, unless the fragment is the page. */
function address() {
  return location.href.replace(/#(?![!/]).*/, '');
}

const calls = {
  /** Say who the visitor is. This ends what a clicked link said. */
  identify(userId, traits, more) {
    remember({ user: userId || identity().user, visit: undefined });
    add('identify', { traits, ...more });
  },
  track(event, properties) {
    add('track', { event, properties });
  },
  page(name, properties) {
    const url = address();
    add('page', {
      name,
      properties: {
        url,
        path: location.pathname,
        search: location.search,
        title: document.title,
        referrer: before,
        ...properties,
      },
    });
    before = seen = url;
  },
  group(groupId, traits) {
    add('group', { groupId, traits });
  },
  /** Forget who the visitor is. What is queued is sent as of the visitor who did it. */
  reset() {
    remove('identity');
    flush();
  },
  /** Keep the visitor's decision. No: all is forgotten, queued calls too. */
  consent(agreed) {
    if (!agreed) names().forEach(remove);
    write('consent', agreed ? 'yes' : 'no', true);
    flush();
  },
  ready(then) {
    then(api);
  },
  flush,
};
