-- What the rows that are there count for.
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, t.* from visit t) x
        join run r on r.id = x.run_id left join goal g on g.run_id = x.run_id and x.kind = 'split'
        cross join lateral (values
            ('reached', (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.kind, x.started_at, 0::numeric),
            ('outcome', x.outcome is not null and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.outcome, coalesce(x.ended_at, x.started_at), 0::numeric),
            ('skipped', x.outcome = 'skipped' and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'reason', 'if'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('failed', x.outcome = 'failed', coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'code', x.facts ->> 'reason', ''), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('held', x.outcome is null and not x.run_ended and x.held <> 'retry', coalesce(x.version, r.version), x.step, x.held, x.started_at, 0::numeric),
            ('retrying', x.outcome is null and not x.run_ended and (x.held = 'retry' or x.held is null and x.facts #>> '{held,-1,why}' = 'retry'), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('left_open', x.outcome is null and x.run_ended and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('arm', g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
    , coalesce(x.version, r.version), x.step, x.outcome, g.met_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, null, null, min(entered_at), sum(sign),
                   sum(sign * value)
            from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, t.* from visit t) x
        join run r on r.id = x.run_id left join goal g on g.run_id = x.run_id and x.kind = 'split'
        cross join lateral (values
            ('reached', (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.kind, x.started_at, 0::numeric),
            ('outcome', x.outcome is not null and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.outcome, coalesce(x.ended_at, x.started_at), 0::numeric),
            ('skipped', x.outcome = 'skipped' and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'reason', 'if'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('failed', x.outcome = 'failed', coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'code', x.facts ->> 'reason', ''), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('held', x.outcome is null and not x.run_ended and x.held <> 'retry', coalesce(x.version, r.version), x.step, x.held, x.started_at, 0::numeric),
            ('retrying', x.outcome is null and not x.run_ended and (x.held = 'retry' or x.held is null and x.facts #>> '{held,-1,why}' = 'retry'), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('left_open', x.outcome is null and x.run_ended and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('arm', g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
    , coalesce(x.version, r.version), x.step, x.outcome, g.met_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', entered_at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, t.* from message t) x
        join run r on r.id = x.run_id
        cross join lateral (values
            ('message_sent', x.state = 'sent', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('message_refused', x.state = 'refused', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('message_unknown', x.state = 'unknown', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('delivered', x.delivered_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.delivered_at, 0::numeric),
            ('opened', x.opened_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.opened_at, 0::numeric),
            ('clicked', x.clicked_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.clicked_at, 0::numeric),
            ('bounced', x.bounced_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.bounced_at, 0::numeric),
            ('replied', x.replied_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.replied_at, 0::numeric),
            ('complained', x.complained_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.complained_at, 0::numeric),
            ('unsubscribed', x.unsubscribed_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.unsubscribed_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, null, null, min(entered_at), sum(sign),
                   sum(sign * value)
            from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, t.* from message t) x
        join run r on r.id = x.run_id
        cross join lateral (values
            ('message_sent', x.state = 'sent', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('message_refused', x.state = 'refused', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('message_unknown', x.state = 'unknown', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('delivered', x.delivered_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.delivered_at, 0::numeric),
            ('opened', x.opened_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.opened_at, 0::numeric),
            ('clicked', x.clicked_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.clicked_at, 0::numeric),
            ('bounced', x.bounced_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.bounced_at, 0::numeric),
            ('replied', x.replied_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.replied_at, 0::numeric),
            ('complained', x.complained_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.complained_at, 0::numeric),
            ('unsubscribed', x.unsubscribed_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.unsubscribed_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', entered_at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               x.started_at as entered_at, f.value
        from (select 1 as sign, t.* from run t) x
        cross join lateral (values
            ('entered', not coalesce(x.outcome in ('restarted', 'merged'), false), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('replaced', x.outcome in ('restarted', 'merged'), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('ended', x.state = 'ended', x.version, '', coalesce(x.outcome, 'removed'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('moved_from', x.entry_version <> x.version, coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('moved_to', x.entry_version <> x.version, x.version, '', '', x.started_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, null, null, min(entered_at), sum(sign),
                   sum(sign * value)
            from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               x.started_at as entered_at, f.value
        from (select 1 as sign, t.* from run t) x
        cross join lateral (values
            ('entered', not coalesce(x.outcome in ('restarted', 'merged'), false), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('replaced', x.outcome in ('restarted', 'merged'), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('ended', x.state = 'ended', x.version, '', coalesce(x.outcome, 'removed'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('moved_from', x.entry_version <> x.version, coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('moved_to', x.entry_version <> x.version, x.version, '', '', x.started_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', entered_at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               coalesce(x.entered_at, x.met_at) as entered_at, f.value
        from (select 1 as sign, t.* from goal t) x
        cross join lateral (values
            ('goal', x.met_event_id is not null and not x.replaced, coalesce(x.version, 0), coalesce(x.step, ''), '', x.met_at, coalesce(case when abs(x.value) <= 1000000000000000000000000000000 then x.value else 0::numeric end, 0::numeric))
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, null, null, min(entered_at), sum(sign),
                   sum(sign * value)
            from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               coalesce(x.entered_at, x.met_at) as entered_at, f.value
        from (select 1 as sign, t.* from goal t) x
        cross join lateral (values
            ('goal', x.met_event_id is not null and not x.replaced, coalesce(x.version, 0), coalesce(x.step, ''), '', x.met_at, coalesce(case when abs(x.value) <= 1000000000000000000000000000000 then x.value else 0::numeric end, 0::numeric))
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', entered_at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               x.refused_at as entered_at, f.value
        from (select 1 as sign, t.* from refusal t) x
        cross join lateral (values
            ('refused', true, 0, '', x.code, x.refused_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, null, null, min(entered_at), sum(sign),
                   sum(sign * value)
            from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               x.refused_at as entered_at, f.value
        from (select 1 as sign, t.* from refusal t) x
        cross join lateral (values
            ('refused', true, 0, '', x.code, x.refused_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', entered_at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, '' as journey, f.version, f.step, f.fact, f.label, f.at,
               x.recorded_at as entered_at, f.value
        from (select 1 as sign, t.* from consent_record t) x
        cross join lateral (values
            ('consent', true, 0, coalesce(x.topic, x.channel, ''), x.state, x.recorded_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, null, null, min(entered_at), sum(sign),
                   sum(sign * value)
            from (
        select x.sign, '' as journey, f.version, f.step, f.fact, f.label, f.at,
               x.recorded_at as entered_at, f.value
        from (select 1 as sign, t.* from consent_record t) x
        cross join lateral (values
            ('consent', true, 0, coalesce(x.topic, x.channel, ''), x.state, x.recorded_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', entered_at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, t.* from link_hit t) x
        join message m on m.id = x.message_id join run r on r.id = m.run_id
        cross join lateral (values
            ('link', x.kind = 'click' and x."by" = 'human' and x.url is not null, coalesce(m.version, r.version), m.step, left(regexp_replace(x.url, '[?#].*$', ''), 200), x.happened_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, null, null, min(entered_at), sum(sign),
                   sum(sign * value)
            from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, t.* from link_hit t) x
        join message m on m.id = x.message_id join run r on r.id = m.run_id
        cross join lateral (values
            ('link', x.kind = 'click' and x."by" = 'human' and x.url is not null, coalesce(m.version, r.version), m.step, left(regexp_replace(x.url, '[?#].*$', ''), 200), x.happened_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', entered_at, 'epoch');

-- From here on they are counted as they are written.
create or replace function parcours.count_visit() returns trigger language plpgsql as $$
begin
    if (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'reached', new.kind, new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if new.outcome is not null and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'outcome', new.outcome, coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if new.outcome = 'skipped' and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'skipped', coalesce(new.facts ->> 'reason', 'if'), coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if new.outcome = 'failed' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'failed', coalesce(new.facts ->> 'code', new.facts ->> 'reason', ''), coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if new.outcome is null and not new.run_ended and new.held <> 'retry' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'held', new.held, new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if new.outcome is null and not new.run_ended and (new.held = 'retry' or new.held is null and new.facts #>> '{held,-1,why}' = 'retry') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'retrying', '', new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if new.outcome is null and new.run_ended and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'left_open', '', new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if new.kind = 'split' and new.outcome is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'arm', new.outcome, g.met_at, r.started_at, 1,
               1 * case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' where g.met_event_id is not null and not g.replaced and
    new.kind = 'split' and new.outcome <> 'skipped' and not new.run_ended and not new.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = new.run_id and earlier.visit < new.visit and earlier.step = new.step
          and earlier.outcome = new.outcome and earlier.kind = 'split'
    )
    ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_visit_again() returns trigger language plpgsql as $$
begin
    if (old.kind <> 'split' or not old.replaced) then
        if (new.kind <> 'split' or not new.replaced) then
            if row(old."kind", old."replaced", old."started_at", old."step", old."version") is distinct from row(new."kind", new."replaced", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'reached', old.kind, old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'reached', new.kind, new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'reached', old.kind, old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'reached', new.kind, new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if old.outcome is not null and (old.kind <> 'split' or not old.replaced) then
        if new.outcome is not null and (new.kind <> 'split' or not new.replaced) then
            if row(old."ended_at", old."kind", old."outcome", old."replaced", old."started_at", old."step", old."version") is distinct from row(new."ended_at", new."kind", new."outcome", new."replaced", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'outcome', old.outcome, coalesce(old.ended_at, old.started_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'outcome', new.outcome, coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'outcome', old.outcome, coalesce(old.ended_at, old.started_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif new.outcome is not null and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'outcome', new.outcome, coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if old.outcome = 'skipped' and (old.kind <> 'split' or not old.replaced) then
        if new.outcome = 'skipped' and (new.kind <> 'split' or not new.replaced) then
            if row(old."ended_at", old."facts", old."kind", old."outcome", old."replaced", old."started_at", old."step", old."version") is distinct from row(new."ended_at", new."facts", new."kind", new."outcome", new."replaced", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'skipped', coalesce(old.facts ->> 'reason', 'if'), coalesce(old.ended_at, old.started_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'skipped', coalesce(new.facts ->> 'reason', 'if'), coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'skipped', coalesce(old.facts ->> 'reason', 'if'), coalesce(old.ended_at, old.started_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif new.outcome = 'skipped' and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'skipped', coalesce(new.facts ->> 'reason', 'if'), coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if old.outcome = 'failed' then
        if new.outcome = 'failed' then
            if row(old."ended_at", old."facts", old."outcome", old."started_at", old."step", old."version") is distinct from row(new."ended_at", new."facts", new."outcome", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'failed', coalesce(old.facts ->> 'code', old.facts ->> 'reason', ''), coalesce(old.ended_at, old.started_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'failed', coalesce(new.facts ->> 'code', new.facts ->> 'reason', ''), coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'failed', coalesce(old.facts ->> 'code', old.facts ->> 'reason', ''), coalesce(old.ended_at, old.started_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif new.outcome = 'failed' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'failed', coalesce(new.facts ->> 'code', new.facts ->> 'reason', ''), coalesce(new.ended_at, new.started_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if old.outcome is null and not old.run_ended and old.held <> 'retry' then
        if new.outcome is null and not new.run_ended and new.held <> 'retry' then
            if row(old."held", old."outcome", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."held", new."outcome", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'held', old.held, old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'held', new.held, new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'held', old.held, old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif new.outcome is null and not new.run_ended and new.held <> 'retry' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'held', new.held, new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if old.outcome is null and not old.run_ended and (old.held = 'retry' or old.held is null and old.facts #>> '{held,-1,why}' = 'retry') then
        if new.outcome is null and not new.run_ended and (new.held = 'retry' or new.held is null and new.facts #>> '{held,-1,why}' = 'retry') then
            if row(old."facts", old."held", old."outcome", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."facts", new."held", new."outcome", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'retrying', '', old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'retrying', '', new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'retrying', '', old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif new.outcome is null and not new.run_ended and (new.held = 'retry' or new.held is null and new.facts #>> '{held,-1,why}' = 'retry') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'retrying', '', new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if old.outcome is null and old.run_ended and (old.kind <> 'split' or not old.replaced) then
        if new.outcome is null and new.run_ended and (new.kind <> 'split' or not new.replaced) then
            if row(old."kind", old."outcome", old."replaced", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."kind", new."outcome", new."replaced", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'left_open', '', old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'left_open', '', new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'left_open', '', old.started_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif new.outcome is null and new.run_ended and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'left_open', '', new.started_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
    end if;
    if old.kind = 'split' and old.outcome is not null then
        if new.kind = 'split' and new.outcome is not null then
            if row(old."kind", old."outcome", old."replaced", old."run_ended", old."run_id", old."step", old."version", old."visit") is distinct from row(new."kind", new."outcome", new."replaced", new."run_ended", new."run_id", new."step", new."version", new."visit") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'arm', old.outcome, g.met_at, r.started_at, -1,
               -1 * case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' where g.met_event_id is not null and not g.replaced and
    old.kind = 'split' and old.outcome <> 'skipped' and not old.run_ended and not old.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = old.run_id and earlier.visit < old.visit and earlier.step = old.step
          and earlier.outcome = old.outcome and earlier.kind = 'split'
    )
    ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'arm', new.outcome, g.met_at, r.started_at, 1,
               1 * case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' where g.met_event_id is not null and not g.replaced and
    new.kind = 'split' and new.outcome <> 'skipped' and not new.run_ended and not new.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = new.run_id and earlier.visit < new.visit and earlier.step = new.step
          and earlier.outcome = new.outcome and earlier.kind = 'split'
    )
    ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'arm', old.outcome, g.met_at, r.started_at, -1,
               -1 * case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' where g.met_event_id is not null and not g.replaced and
    old.kind = 'split' and old.outcome <> 'skipped' and not old.run_ended and not old.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = old.run_id and earlier.visit < old.visit and earlier.step = old.step
          and earlier.outcome = old.outcome and earlier.kind = 'split'
    )
    ;
        end if;
    elsif new.kind = 'split' and new.outcome is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'arm', new.outcome, g.met_at, r.started_at, 1,
               1 * case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' where g.met_event_id is not null and not g.replaced and
    new.kind = 'split' and new.outcome <> 'skipped' and not new.run_ended and not new.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = new.run_id and earlier.visit < new.visit and earlier.step = new.step
          and earlier.outcome = new.outcome and earlier.kind = 'split'
    )
    ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_deleted_visit() returns trigger language plpgsql as $$
begin
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, x.ended_at, x.facts, null::text as held, x.kind, x.outcome, x.replaced, x.run_ended or x.outcome is null as run_ended, x.run_id, x.started_at, x.step, x.version, x.visit from deleted x where not (false)) x
        join run r on r.id = x.run_id left join goal g on g.run_id = x.run_id and x.kind = 'split'
        cross join lateral (values
            ('reached', (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.kind, x.started_at, 0::numeric),
            ('outcome', x.outcome is not null and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.outcome, coalesce(x.ended_at, x.started_at), 0::numeric),
            ('skipped', x.outcome = 'skipped' and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'reason', 'if'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('failed', x.outcome = 'failed', coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'code', x.facts ->> 'reason', ''), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('held', x.outcome is null and not x.run_ended and x.held <> 'retry', coalesce(x.version, r.version), x.step, x.held, x.started_at, 0::numeric),
            ('retrying', x.outcome is null and not x.run_ended and (x.held = 'retry' or x.held is null and x.facts #>> '{held,-1,why}' = 'retry'), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('left_open', x.outcome is null and x.run_ended and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('arm', g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from deleted earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
    , coalesce(x.version, r.version), x.step, x.outcome, g.met_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), false
        from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, x.ended_at, x.facts, null::text as held, x.kind, x.outcome, x.replaced, x.run_ended or x.outcome is null as run_ended, x.run_id, x.started_at, x.step, x.version, x.visit from deleted x where not (false) union all select -1, x.ended_at, x.facts, x.held, x.kind, x.outcome, x.replaced, x.run_ended, x.run_id, x.started_at, x.step, x.version, x.visit from deleted x) x
        join run r on r.id = x.run_id left join goal g on g.run_id = x.run_id and x.kind = 'split'
        cross join lateral (values
            ('reached', (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.kind, x.started_at, 0::numeric),
            ('outcome', x.outcome is not null and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.outcome, coalesce(x.ended_at, x.started_at), 0::numeric),
            ('skipped', x.outcome = 'skipped' and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'reason', 'if'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('failed', x.outcome = 'failed', coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'code', x.facts ->> 'reason', ''), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('held', x.outcome is null and not x.run_ended and x.held <> 'retry', coalesce(x.version, r.version), x.step, x.held, x.started_at, 0::numeric),
            ('retrying', x.outcome is null and not x.run_ended and (x.held = 'retry' or x.held is null and x.facts #>> '{held,-1,why}' = 'retry'), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('left_open', x.outcome is null and x.run_ended and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('arm', g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from deleted earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
    , coalesce(x.version, r.version), x.step, x.outcome, g.met_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_message() returns trigger language plpgsql as $$
begin
    if new.state = 'sent' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_sent', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, case when new.channel <> 'webhook' then new.contact_id end
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.state = 'refused' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_refused', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.state = 'unknown' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_unknown', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.delivered_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'delivered', new.channel, new.delivered_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.opened_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'opened', new.channel, new.opened_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.clicked_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'clicked', new.channel, new.clicked_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.bounced_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'bounced', new.channel, new.bounced_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.replied_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'replied', new.channel, new.replied_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.complained_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'complained', new.channel, new.complained_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if new.unsubscribed_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'unsubscribed', new.channel, new.unsubscribed_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_message_again() returns trigger language plpgsql as $$
begin
    if old.state = 'sent' then
        if new.state = 'sent' then
            if row(old."channel", old."claimed_at", old."settled_at", old."state", old."step", old."version") is distinct from row(new."channel", new."claimed_at", new."settled_at", new."state", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'message_sent', old.channel, coalesce(old.settled_at, old.claimed_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_sent', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, case when new.channel <> 'webhook' then new.contact_id end
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'message_sent', old.channel, coalesce(old.settled_at, old.claimed_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.state = 'sent' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_sent', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, case when new.channel <> 'webhook' then new.contact_id end
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.state = 'refused' then
        if new.state = 'refused' then
            if row(old."channel", old."claimed_at", old."settled_at", old."state", old."step", old."version") is distinct from row(new."channel", new."claimed_at", new."settled_at", new."state", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'message_refused', old.channel, coalesce(old.settled_at, old.claimed_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_refused', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'message_refused', old.channel, coalesce(old.settled_at, old.claimed_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.state = 'refused' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_refused', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.state = 'unknown' then
        if new.state = 'unknown' then
            if row(old."channel", old."claimed_at", old."settled_at", old."state", old."step", old."version") is distinct from row(new."channel", new."claimed_at", new."settled_at", new."state", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'message_unknown', old.channel, coalesce(old.settled_at, old.claimed_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_unknown', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'message_unknown', old.channel, coalesce(old.settled_at, old.claimed_at), r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.state = 'unknown' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'message_unknown', new.channel, coalesce(new.settled_at, new.claimed_at), r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.delivered_at is not null then
        if new.delivered_at is not null then
            if row(old."channel", old."delivered_at", old."step", old."version") is distinct from row(new."channel", new."delivered_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'delivered', old.channel, old.delivered_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'delivered', new.channel, new.delivered_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'delivered', old.channel, old.delivered_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.delivered_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'delivered', new.channel, new.delivered_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.opened_at is not null then
        if new.opened_at is not null then
            if row(old."channel", old."opened_at", old."step", old."version") is distinct from row(new."channel", new."opened_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'opened', old.channel, old.opened_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'opened', new.channel, new.opened_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'opened', old.channel, old.opened_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.opened_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'opened', new.channel, new.opened_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.clicked_at is not null then
        if new.clicked_at is not null then
            if row(old."channel", old."clicked_at", old."step", old."version") is distinct from row(new."channel", new."clicked_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'clicked', old.channel, old.clicked_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'clicked', new.channel, new.clicked_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'clicked', old.channel, old.clicked_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.clicked_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'clicked', new.channel, new.clicked_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.bounced_at is not null then
        if new.bounced_at is not null then
            if row(old."bounced_at", old."channel", old."step", old."version") is distinct from row(new."bounced_at", new."channel", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'bounced', old.channel, old.bounced_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'bounced', new.channel, new.bounced_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'bounced', old.channel, old.bounced_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.bounced_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'bounced', new.channel, new.bounced_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.replied_at is not null then
        if new.replied_at is not null then
            if row(old."channel", old."replied_at", old."step", old."version") is distinct from row(new."channel", new."replied_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'replied', old.channel, old.replied_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'replied', new.channel, new.replied_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'replied', old.channel, old.replied_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.replied_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'replied', new.channel, new.replied_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.complained_at is not null then
        if new.complained_at is not null then
            if row(old."channel", old."complained_at", old."step", old."version") is distinct from row(new."channel", new."complained_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'complained', old.channel, old.complained_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'complained', new.channel, new.complained_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'complained', old.channel, old.complained_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.complained_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'complained', new.channel, new.complained_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    if old.unsubscribed_at is not null then
        if new.unsubscribed_at is not null then
            if row(old."channel", old."step", old."unsubscribed_at", old."version") is distinct from row(new."channel", new."step", new."unsubscribed_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'unsubscribed', old.channel, old.unsubscribed_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'unsubscribed', new.channel, new.unsubscribed_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'unsubscribed', old.channel, old.unsubscribed_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id ;
        end if;
    elsif new.unsubscribed_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'unsubscribed', new.channel, new.unsubscribed_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_deleted_message() returns trigger language plpgsql as $$
begin
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, x.bounced_at, x.channel, x.claimed_at, x.clicked_at, x.complained_at, x.delivered_at, x.opened_at, x.replied_at, x.run_id, x.settled_at, x.state, x.step, x.unsubscribed_at, x.version from deleted x where not (false)) x
        join run r on r.id = x.run_id
        cross join lateral (values
            ('message_sent', x.state = 'sent', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('message_refused', x.state = 'refused', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('message_unknown', x.state = 'unknown', coalesce(x.version, r.version), x.step, x.channel, coalesce(x.settled_at, x.claimed_at), 0::numeric),
            ('delivered', x.delivered_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.delivered_at, 0::numeric),
            ('opened', x.opened_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.opened_at, 0::numeric),
            ('clicked', x.clicked_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.clicked_at, 0::numeric),
            ('bounced', x.bounced_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.bounced_at, 0::numeric),
            ('replied', x.replied_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.replied_at, 0::numeric),
            ('complained', x.complained_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.complained_at, 0::numeric),
            ('unsubscribed', x.unsubscribed_at is not null, coalesce(x.version, r.version), x.step, x.channel, x.unsubscribed_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, h.* from link_hit h join deleted d on d.id = h.message_id) x
        join deleted m on m.id = x.message_id join run r on r.id = m.run_id
        cross join lateral (values
            ('link', x.kind = 'click' and x."by" = 'human' and x.url is not null, coalesce(m.version, r.version), m.step, left(regexp_replace(x.url, '[?#].*$', ''), 200), x.happened_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_run() returns trigger language plpgsql as $$
begin
    if not coalesce(new.outcome in ('restarted', 'merged'), false) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'entered', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if new.outcome in ('restarted', 'merged') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'replaced', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if new.state = 'ended' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, new.version, '', 'ended', coalesce(new.outcome, 'removed'), coalesce(new.ended_at, new.started_at), new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'moved_from', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, new.version, '', 'moved_to', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_run_again() returns trigger language plpgsql as $$
begin
    if not coalesce(old.outcome in ('restarted', 'merged'), false) then
        if not coalesce(new.outcome in ('restarted', 'merged'), false) then
            if row(old."entry_version", old."outcome", old."started_at", old."version") is distinct from row(new."entry_version", new."outcome", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.entry_version, old.version), '', 'entered', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'entered', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.entry_version, old.version), '', 'entered', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        end if;
    elsif not coalesce(new.outcome in ('restarted', 'merged'), false) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'entered', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if old.outcome in ('restarted', 'merged') then
        if new.outcome in ('restarted', 'merged') then
            if row(old."entry_version", old."outcome", old."started_at", old."version") is distinct from row(new."entry_version", new."outcome", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.entry_version, old.version), '', 'replaced', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'replaced', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.entry_version, old.version), '', 'replaced', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        end if;
    elsif new.outcome in ('restarted', 'merged') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'replaced', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if old.state = 'ended' then
        if new.state = 'ended' then
            if row(old."ended_at", old."outcome", old."started_at", old."state", old."version") is distinct from row(new."ended_at", new."outcome", new."started_at", new."state", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, old.version, '', 'ended', coalesce(old.outcome, 'removed'), coalesce(old.ended_at, old.started_at), old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, new.version, '', 'ended', coalesce(new.outcome, 'removed'), coalesce(new.ended_at, new.started_at), new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, old.version, '', 'ended', coalesce(old.outcome, 'removed'), coalesce(old.ended_at, old.started_at), old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        end if;
    elsif new.state = 'ended' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, new.version, '', 'ended', coalesce(new.outcome, 'removed'), coalesce(new.ended_at, new.started_at), new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if old.entry_version <> old.version then
        if new.entry_version <> new.version then
            if row(old."entry_version", old."started_at", old."version") is distinct from row(new."entry_version", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.entry_version, old.version), '', 'moved_from', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'moved_from', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.entry_version, old.version), '', 'moved_from', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        end if;
    elsif new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.entry_version, new.version), '', 'moved_from', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    if old.entry_version <> old.version then
        if new.entry_version <> new.version then
            if row(old."entry_version", old."started_at", old."version") is distinct from row(new."entry_version", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, old.version, '', 'moved_to', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, new.version, '', 'moved_to', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, old.version, '', 'moved_to', '', old.started_at, old.started_at, -1,
               -1 * 0::numeric, null
        from (select) one  ;
        end if;
    elsif new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, new.version, '', 'moved_to', '', new.started_at, new.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_deleted_run() returns trigger language plpgsql as $$
begin
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               x.started_at as entered_at, f.value
        from (select 1 as sign, coalesce(x.ended_at, parcours.clock()) as ended_at, x.entry_version, x.journey, x.outcome, x.started_at, 'ended' as state, x.version, x.visit, x.workflow_started_at from deleted x where not (x.state = 'active' and x.workflow_started_at is null and x.visit = 0)) x
        cross join lateral (values
            ('entered', not coalesce(x.outcome in ('restarted', 'merged'), false), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('replaced', x.outcome in ('restarted', 'merged'), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('ended', x.state = 'ended', x.version, '', coalesce(x.outcome, 'removed'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('moved_from', x.entry_version <> x.version, coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('moved_to', x.entry_version <> x.version, x.version, '', '', x.started_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), false
        from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               x.started_at as entered_at, f.value
        from (select 1 as sign, coalesce(x.ended_at, parcours.clock()) as ended_at, x.entry_version, x.journey, x.outcome, x.started_at, 'ended' as state, x.version, x.visit, x.workflow_started_at from deleted x where not (x.state = 'active' and x.workflow_started_at is null and x.visit = 0) union all select -1, x.ended_at, x.entry_version, x.journey, x.outcome, x.started_at, x.state, x.version, x.visit, x.workflow_started_at from deleted x) x
        cross join lateral (values
            ('entered', not coalesce(x.outcome in ('restarted', 'merged'), false), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('replaced', x.outcome in ('restarted', 'merged'), coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('ended', x.state = 'ended', x.version, '', coalesce(x.outcome, 'removed'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('moved_from', x.entry_version <> x.version, coalesce(x.entry_version, x.version), '', '', x.started_at, 0::numeric),
            ('moved_to', x.entry_version <> x.version, x.version, '', '', x.started_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_goal() returns trigger language plpgsql as $$
begin
    if new.met_event_id is not null and not new.replaced then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.version, 0), coalesce(new.step, ''), 'goal', '', new.met_at, coalesce(new.entered_at, new.met_at), 1,
               1 * coalesce(case when abs(new.value) <= 1000000000000000000000000000000 then new.value else 0::numeric end, 0::numeric), null::uuid
        from (select) one  ;
    end if;
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), false
        from (
            select 1 as sign, r.journey, coalesce(x.version, r.version) as version, x.step, 'arm' as fact,
                   x.outcome as label, g.met_at as at, r.started_at as entered_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end as value
            from (select new.*) g
            join run r on r.id = g.run_id
            join visit x on x.run_id = g.run_id
            where g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
            ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_goal_again() returns trigger language plpgsql as $$
begin
    if old.met_event_id is not null and not old.replaced then
        if new.met_event_id is not null and not new.replaced then
            if row(old."met_at", old."met_event_id", old."replaced", old."step", old."value", old."version") is distinct from row(new."met_at", new."met_event_id", new."replaced", new."step", new."value", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.version, 0), coalesce(old.step, ''), 'goal', '', old.met_at, coalesce(old.entered_at, old.met_at), -1,
               -1 * coalesce(case when abs(old.value) <= 1000000000000000000000000000000 then old.value else 0::numeric end, 0::numeric), null
        from (select) one  ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.version, 0), coalesce(new.step, ''), 'goal', '', new.met_at, coalesce(new.entered_at, new.met_at), 1,
               1 * coalesce(case when abs(new.value) <= 1000000000000000000000000000000 then new.value else 0::numeric end, 0::numeric), null::uuid
        from (select) one  ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select old.journey, coalesce(old.version, 0), coalesce(old.step, ''), 'goal', '', old.met_at, coalesce(old.entered_at, old.met_at), -1,
               -1 * coalesce(case when abs(old.value) <= 1000000000000000000000000000000 then old.value else 0::numeric end, 0::numeric), null
        from (select) one  ;
        end if;
    elsif new.met_event_id is not null and not new.replaced then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, coalesce(new.version, 0), coalesce(new.step, ''), 'goal', '', new.met_at, coalesce(new.entered_at, new.met_at), 1,
               1 * coalesce(case when abs(new.value) <= 1000000000000000000000000000000 then new.value else 0::numeric end, 0::numeric), null::uuid
        from (select) one  ;
    end if;
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), false
        from (
            select -1 as sign, r.journey, coalesce(x.version, r.version) as version, x.step, 'arm' as fact,
                   x.outcome as label, g.met_at as at, r.started_at as entered_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end as value
            from (select old.*) g
            join run r on r.id = g.run_id
            join visit x on x.run_id = g.run_id
            where g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
            ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), false
        from (
            select 1 as sign, r.journey, coalesce(x.version, r.version) as version, x.step, 'arm' as fact,
                   x.outcome as label, g.met_at as at, r.started_at as entered_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end as value
            from (select new.*) g
            join run r on r.id = g.run_id
            join visit x on x.run_id = g.run_id
            where g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
            ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_deleted_goal() returns trigger language plpgsql as $$
begin
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               coalesce(x.entered_at, x.met_at) as entered_at, f.value
        from (select 1 as sign, x.entered_at, x.journey, x.met_at, x.met_event_id, x.replaced, x.step, x.value, x.version from deleted x where not (false)) x
        cross join lateral (values
            ('goal', x.met_event_id is not null and not x.replaced, coalesce(x.version, 0), coalesce(x.step, ''), '', x.met_at, coalesce(case when abs(x.value) <= 1000000000000000000000000000000 then x.value else 0::numeric end, 0::numeric))
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
            select 1 as sign, r.journey, coalesce(x.version, r.version) as version, x.step, 'arm' as fact,
                   x.outcome as label, g.met_at as at, r.started_at as entered_at, case when abs(g.value) <= 1000000000000000000000000000000 then g.value else 0::numeric end as value
            from deleted g
            join run r on r.id = g.run_id
            join visit x on x.run_id = g.run_id
            where g.met_event_id is not null and not g.replaced and
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from visit earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
            ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_refusal() returns trigger language plpgsql as $$
begin
    if true then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select new.journey, 0, '', 'refused', new.code, new.refused_at, new.refused_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_deleted_refusal() returns trigger language plpgsql as $$
begin
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, x.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               x.refused_at as entered_at, f.value
        from (select 1 as sign, x.code, x.journey, x.refused_at from deleted x where not (false)) x
        cross join lateral (values
            ('refused', true, 0, '', x.code, x.refused_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_consent_record() returns trigger language plpgsql as $$
begin
    if true then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select '', 0, coalesce(new.topic, new.channel, ''), 'consent', new.state, new.recorded_at, new.recorded_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one  ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_deleted_consent_record() returns trigger language plpgsql as $$
begin
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, '' as journey, f.version, f.step, f.fact, f.label, f.at,
               x.recorded_at as entered_at, f.value
        from (select 1 as sign, x.channel, x.recorded_at, x.state, x.topic from deleted x where not (false)) x
        cross join lateral (values
            ('consent', true, 0, coalesce(x.topic, x.channel, ''), x.state, x.recorded_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_link_hit() returns trigger language plpgsql as $$
begin
    if new.kind = 'click' and new."by" = 'human' and new.url is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(m.version, r.version), m.step, 'link', left(regexp_replace(new.url, '[?#].*$', ''), 200), new.happened_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join message m on m.id = new.message_id join run r on r.id = m.run_id ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_link_hit_again() returns trigger language plpgsql as $$
begin
    if old.kind = 'click' and old."by" = 'human' and old.url is not null then
        if new.kind = 'click' and new."by" = 'human' and new.url is not null then
            if row(old."by", old."happened_at", old."kind", old."url") is distinct from row(new."by", new."happened_at", new."kind", new."url") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(m.version, r.version), m.step, 'link', left(regexp_replace(old.url, '[?#].*$', ''), 200), old.happened_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join message m on m.id = old.message_id join run r on r.id = m.run_id ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(m.version, r.version), m.step, 'link', left(regexp_replace(new.url, '[?#].*$', ''), 200), new.happened_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join message m on m.id = new.message_id join run r on r.id = m.run_id ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(m.version, r.version), m.step, 'link', left(regexp_replace(old.url, '[?#].*$', ''), 200), old.happened_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join message m on m.id = old.message_id join run r on r.id = m.run_id ;
        end if;
    elsif new.kind = 'click' and new."by" = 'human' and new.url is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(m.version, r.version), m.step, 'link', left(regexp_replace(new.url, '[?#].*$', ''), 200), new.happened_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join message m on m.id = new.message_id join run r on r.id = m.run_id ;
    end if;
    return null;
end
$$
;
create or replace function parcours.count_deleted_link_hit() returns trigger language plpgsql as $$
begin
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, x.by, x.happened_at, x.kind, x.message_id, x.url from deleted x where not (false)) x
        join message m on m.id = x.message_id join run r on r.id = m.run_id
        cross join lateral (values
            ('link', x.kind = 'click' and x."by" = 'human' and x.url is not null, coalesce(m.version, r.version), m.step, left(regexp_replace(x.url, '[?#].*$', ''), 200), x.happened_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        ;
    return null;
end
$$
;
create or replace function parcours.count_in_journeys() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        if old.state = 'active' then
            perform from run o
            where o.contact_id = old.contact_id and o.state = 'active' and o.id <> old.id limit 1;
            if not found then
                insert into figure_delta
                    (journey, version, step, fact, label, at, entered_at, count)
                values ('', 0, '', 'in_journeys', '', parcours.clock(), '-infinity', -1);
            end if;
        end if;
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if new.state = 'active' then
        perform from run o
        where o.contact_id = new.contact_id and o.state = 'active' and o.id <> new.id limit 1;
        if not found then
            insert into figure_delta (journey, version, step, fact, label, at, entered_at, count)
            values ('', 0, '', 'in_journeys', '', parcours.clock(), '-infinity', 1);
        end if;
    end if;
    return new;
end
$$
;
create or replace function parcours.mark_ended_run() returns trigger language plpgsql as $$
begin
    update visit set run_ended = true
    where run_id = new.id and outcome is null and not run_ended;
    if new.outcome in ('restarted', 'merged') then
        update goal set replaced = true where run_id = new.id;
        update visit set replaced = true where run_id = new.id and kind = 'split';
    end if;
    return null;
end
$$
;
create or replace function parcours.keep_versions() returns trigger language plpgsql as $$
begin
    new.entry_version := coalesce(old.entry_version, old.version);
    update message m
    set version = case when v.outcome is null then new.version else old.version end
    from visit v
    where m.run_id = old.id and v.run_id = m.run_id and v.visit = m.visit
      and (m.version is null or v.outcome is null);
    update visit
    set version = case when outcome is null then new.version else old.version end
    where run_id = old.id and (version is null or outcome is null);
    return new;
end
$$
;
create or replace function parcours.place_goal() returns trigger language plpgsql as $$
begin
    select r.version, r.step, r.started_at, coalesce(r.outcome in ('restarted', 'merged'), false)
    into new.version, new.step, new.entered_at, new.replaced
    from run r where r.id = new.run_id;
    return new;
end
$$
;
create trigger count_visit after insert on visit for each row  execute function parcours.count_visit();
create trigger count_visit_again after update of version, step, outcome, ended_at, held, facts, run_ended, replaced on visit for each row when (old.version is distinct from new.version or old.step is distinct from new.step or old.outcome is distinct from new.outcome or old.ended_at is distinct from new.ended_at or old.held is distinct from new.held or old.facts is distinct from new.facts or old.run_ended is distinct from new.run_ended or old.replaced is distinct from new.replaced) execute function parcours.count_visit_again();
create trigger count_deleted_visit after delete on visit referencing old table as deleted for each statement execute function parcours.count_deleted_visit();
create trigger count_message after insert on message for each row when (new.state <> 'claimed' or coalesce(new.delivered_at, new.opened_at, new.clicked_at, new.bounced_at, new.replied_at, new.complained_at, new.unsubscribed_at) is not null) execute function parcours.count_message();
create trigger count_message_again after update of version, step, state, settled_at, delivered_at, opened_at, clicked_at, bounced_at, replied_at, complained_at, unsubscribed_at on message for each row when (old.version is distinct from new.version or old.step is distinct from new.step or old.state is distinct from new.state or old.settled_at is distinct from new.settled_at or old.delivered_at is distinct from new.delivered_at or old.opened_at is distinct from new.opened_at or old.clicked_at is distinct from new.clicked_at or old.bounced_at is distinct from new.bounced_at or old.replied_at is distinct from new.replied_at or old.complained_at is distinct from new.complained_at or old.unsubscribed_at is distinct from new.unsubscribed_at) execute function parcours.count_message_again();
create trigger count_deleted_message after delete on message referencing old table as deleted for each statement execute function parcours.count_deleted_message();
create trigger count_run after insert on run for each row  execute function parcours.count_run();
create trigger count_run_again after update of state, outcome, ended_at, version, entry_version on run for each row when (old.state is distinct from new.state or old.outcome is distinct from new.outcome or old.ended_at is distinct from new.ended_at or old.version is distinct from new.version or old.entry_version is distinct from new.entry_version) execute function parcours.count_run_again();
create trigger count_deleted_run after delete on run referencing old table as deleted for each statement execute function parcours.count_deleted_run();
create trigger count_goal after insert on goal for each row when (new.met_event_id is not null) execute function parcours.count_goal();
create trigger count_goal_again after update of met_event_id, met_at, value, replaced on goal for each row when (old.met_event_id is distinct from new.met_event_id or old.met_at is distinct from new.met_at or old.value is distinct from new.value or old.replaced is distinct from new.replaced) execute function parcours.count_goal_again();
create trigger count_deleted_goal after delete on goal referencing old table as deleted for each statement execute function parcours.count_deleted_goal();
create trigger count_refusal after insert on refusal for each row  execute function parcours.count_refusal();
create trigger count_deleted_refusal after delete on refusal referencing old table as deleted for each statement execute function parcours.count_deleted_refusal();
create trigger count_consent_record after insert on consent_record for each row  execute function parcours.count_consent_record();
create trigger count_deleted_consent_record after delete on consent_record referencing old table as deleted for each statement execute function parcours.count_deleted_consent_record();
create trigger count_link_hit after insert on link_hit for each row when (new.by is not null) execute function parcours.count_link_hit();
create trigger count_link_hit_again after update of by on link_hit for each row when (old.by is distinct from new.by) execute function parcours.count_link_hit_again();
create trigger count_deleted_link_hit after delete on link_hit referencing old table as deleted for each statement execute function parcours.count_deleted_link_hit();
create trigger count_in_journeys before insert on run for each row when (new.state = 'active') execute function parcours.count_in_journeys();
create trigger count_in_journeys_again before update of state, contact_id on run for each row when (old.state is distinct from new.state or old.contact_id is distinct from new.contact_id) execute function parcours.count_in_journeys();
create trigger count_in_journeys_no_more before delete on run for each row when (old.state = 'active') execute function parcours.count_in_journeys();
create trigger mark_ended_run after update of state, outcome on run for each row when (new.state = 'ended' and (old.state <> 'ended' or old.outcome is distinct from new.outcome)) execute function parcours.mark_ended_run();
create trigger keep_versions before update of version on run for each row when (old.version is distinct from new.version) execute function parcours.keep_versions();
create trigger place_goal before insert or update of met_event_id on goal for each row when (new.met_event_id is not null and new.entered_at is null) execute function parcours.place_goal();
