/*
 * Forms marked `data-parcours="KEY"`: posted in the background, with what is wrong beside each field.
 * Where this does not run they post themselves, to `action="/f/KEY"`. Nothing is styled here.
 *
 * What the server says stands in the form's `<output>`, which is made where there is none. The text of
 * an element `data-parcours-consent` is the consent that was shown. A form says `parcours` when it was
 * answered, with the answer as `detail`.
 */
extensions.push(() => {
  const stamps = new WeakMap();
  const busy = new WeakSet();
  let undo = [];
  const formOf = (event) => event.target.closest('form[data-parcours]');
  const language = (form) => (form.closest('[lang]') || form).lang;

  const ask = async (form, query, request) => {
    const answer = await fetch(`${host}/f/${form.dataset.parcours}${query}`, {
      credentials: 'omit',
      ...request,
    });
    const said = { ok: answer.ok, at: Date.now(), ...(await answer.json()) };
    if (said.stamp) stamps.set(form, said);
    return said;
  };

  /** When the form was shown, signed by the server. What is sent with it again counts once. */
  const stampOf = (form) => {
    if (!stamps.has(form)) {
      const headers = { Accept: 'application/json' };
      const asked = ask(form, '?lang=' + language(form), { headers });
      stamps.set(form, asked);
      asked.catch(() => stamps.delete(form));
    }
    return stamps.get(form);
  };

  const say = (form, text) => {
    const place = form.querySelector('output')
      || form.appendChild(document.createElement('output'));
    place.textContent = text;
    place.tabIndex = -1;
    return place;
  };

  /** Put an error beside its field. It is returned if the form has no such field. */
  const mark = (form, { field, message }) => {
    const found = form.elements[field];
    const control = found && !found.tagName ? found[0] : found;
    if (!control) return message;
    const note = document.createElement('span');
    const before = control.getAttribute('aria-describedby') || '';
    note.id = 'parcours-' + random();
    note.className = 'parcours-error';
    note.textContent = message;
    (control.closest('label') || control).after(note);
    control.setAttribute('aria-describedby', `${note.id} ${before}`);
    control.setAttribute('aria-invalid', 'true');
    if (!undo.length) control.focus();
    undo.push(() => {
      note.remove();
      control.removeAttribute('aria-invalid');
      control.setAttribute('aria-describedby', before);
    });
    return '';
  };

  const post = async (form, body, tries) => {
    const { stamp, wait, at } = await stampOf(form);
    await new Promise((then) => setTimeout(then, at + wait * 1e3 - Date.now()));
    // A text is sent without asking first (no preflight), also to another origin, and outlives the page.
    const said = await ask(form, '', {
      method: 'POST',
      keepalive: true,
      body: JSON.stringify({ stamp, ...body }),
    });
    // Too soon, or too late: it is sent once more, with what the server says now.
    if (tries && said.stamp && !/hidden|limit/.test(said.code)) return post(form, body, tries - 1);
    return said;
  };

  const send = async (form) => {
    if (busy.has(form)) return;
    busy.add(form);
    undo.forEach((change) => change());
    undo = [];
    say(form, '');
    const consent = form.querySelector('[data-parcours-consent]');
    const fields = {};
    new FormData(form).forEach((value, name) => {
      if (value.trim) fields[name] = [...(fields[name] || []), value];
    });
    try {
      const said = await post(form, {
        fields,
        lang: language(form),
        page: address(),
        anonymousId: allowed() ? known().anonymous : '',
        text: consent && consent.textContent,
      }, 2);
      const { thanks, errors } = said;
      if (thanks) {
        stamps.delete(form);
        form.reset();
        if (thanks.url) location.assign(thanks.url);
        else say(form, thanks.text).focus();
      } else {
        say(form, said.message + (errors || []).map((each) => ' ' + mark(form, each)).join(''));
        if (form.elements._website) form.elements._website.value = '';
      }
      form.dispatchEvent(new CustomEvent('parcours', { bubbles: true, detail: said }));
    } catch (error) {
      const { failed } = (await Promise.resolve(stamps.get(form)).catch(() => 0)) || {};
      say(form, failed || 'This could not be sent. Please try again.');
    }
    busy.delete(form);
  };

  document.addEventListener('focusin', (event) => formOf(event) && stampOf(formOf(event)));
  document.addEventListener('submit', (event) => {
    if (event.defaultPrevented || !formOf(event)) return;
    event.preventDefault();
    send(formOf(event));
  });
});
