-- What waits for a time is counted by it, from here on.
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
    if new.outcome is null and not new.run_ended and new.due_at >= date_bin('15 minutes', new.started_at, 'epoch') + interval '15 minutes' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'due', new.kind || coalesce(' ' || new.held, ''), new.due_at, r.started_at, 1,
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
$$;
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
    if old.outcome is null and not old.run_ended and old.due_at >= date_bin('15 minutes', old.started_at, 'epoch') + interval '15 minutes' then
        if new.outcome is null and not new.run_ended and new.due_at >= date_bin('15 minutes', new.started_at, 'epoch') + interval '15 minutes' then
            if row(old."due_at", old."held", old."kind", old."outcome", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."due_at", new."held", new."kind", new."outcome", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'due', old.kind || coalesce(' ' || old.held, ''), old.due_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'due', new.kind || coalesce(' ' || new.held, ''), new.due_at, r.started_at, 1,
               1 * 0::numeric, null::uuid
        from (select) one join run r on r.id = new.run_id left join goal g on g.run_id = new.run_id and new.kind = 'split' ;
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(old.version, r.version), old.step, 'due', old.kind || coalesce(' ' || old.held, ''), old.due_at, r.started_at, -1,
               -1 * 0::numeric, null
        from (select) one join run r on r.id = old.run_id left join goal g on g.run_id = old.run_id and old.kind = 'split' ;
        end if;
    elsif new.outcome is null and not new.run_ended and new.due_at >= date_bin('15 minutes', new.started_at, 'epoch') + interval '15 minutes' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select r.journey, coalesce(new.version, r.version), new.step, 'due', new.kind || coalesce(' ' || new.held, ''), new.due_at, r.started_at, 1,
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
$$;
create or replace function parcours.count_deleted_visit() returns trigger language plpgsql as $$
begin
    
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), true
        from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, x.due_at, x.ended_at, x.facts, null::text as held, x.kind, x.outcome, x.replaced, x.run_ended or x.outcome is null as run_ended, x.run_id, x.started_at, x.step, x.version, x.visit from deleted x where not (false)) x
        join run r on r.id = x.run_id left join goal g on g.run_id = x.run_id and x.kind = 'split'
        cross join lateral (values
            ('reached', (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.kind, x.started_at, 0::numeric),
            ('outcome', x.outcome is not null and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.outcome, coalesce(x.ended_at, x.started_at), 0::numeric),
            ('skipped', x.outcome = 'skipped' and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'reason', 'if'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('failed', x.outcome = 'failed', coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'code', x.facts ->> 'reason', ''), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('held', x.outcome is null and not x.run_ended and x.held <> 'retry', coalesce(x.version, r.version), x.step, x.held, x.started_at, 0::numeric),
            ('retrying', x.outcome is null and not x.run_ended and (x.held = 'retry' or x.held is null and x.facts #>> '{held,-1,why}' = 'retry'), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('left_open', x.outcome is null and x.run_ended and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('due', x.outcome is null and not x.run_ended and x.due_at >= date_bin('15 minutes', x.started_at, 'epoch') + interval '15 minutes', coalesce(x.version, r.version), x.step, x.kind || coalesce(' ' || x.held, ''), x.due_at, 0::numeric),
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
        from (select 1 as sign, x.due_at, x.ended_at, x.facts, null::text as held, x.kind, x.outcome, x.replaced, x.run_ended or x.outcome is null as run_ended, x.run_id, x.started_at, x.step, x.version, x.visit from deleted x where not (false) union all select -1, x.due_at, x.ended_at, x.facts, x.held, x.kind, x.outcome, x.replaced, x.run_ended, x.run_id, x.started_at, x.step, x.version, x.visit from deleted x) x
        join run r on r.id = x.run_id left join goal g on g.run_id = x.run_id and x.kind = 'split'
        cross join lateral (values
            ('reached', (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.kind, x.started_at, 0::numeric),
            ('outcome', x.outcome is not null and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, x.outcome, coalesce(x.ended_at, x.started_at), 0::numeric),
            ('skipped', x.outcome = 'skipped' and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'reason', 'if'), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('failed', x.outcome = 'failed', coalesce(x.version, r.version), x.step, coalesce(x.facts ->> 'code', x.facts ->> 'reason', ''), coalesce(x.ended_at, x.started_at), 0::numeric),
            ('held', x.outcome is null and not x.run_ended and x.held <> 'retry', coalesce(x.version, r.version), x.step, x.held, x.started_at, 0::numeric),
            ('retrying', x.outcome is null and not x.run_ended and (x.held = 'retry' or x.held is null and x.facts #>> '{held,-1,why}' = 'retry'), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('left_open', x.outcome is null and x.run_ended and (x.kind <> 'split' or not x.replaced), coalesce(x.version, r.version), x.step, '', x.started_at, 0::numeric),
            ('due', x.outcome is null and not x.run_ended and x.due_at >= date_bin('15 minutes', x.started_at, 'epoch') + interval '15 minutes', coalesce(x.version, r.version), x.step, x.kind || coalesce(' ' || x.held, ''), x.due_at, 0::numeric),
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
$$;
drop trigger count_visit_again on visit;
create trigger count_visit_again after update of version, step, outcome, ended_at, due_at, held, facts, run_ended, replaced on visit for each row when (old.version is distinct from new.version or old.step is distinct from new.step or old.outcome is distinct from new.outcome or old.ended_at is distinct from new.ended_at or old.due_at is distinct from new.due_at or old.held is distinct from new.held or old.facts is distinct from new.facts or old.run_ended is distinct from new.run_ended or old.replaced is distinct from new.replaced) execute function parcours.count_visit_again();
-- And what waits already.
insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, min(at), max(at), null, sum(sign),
                   sum(sign * value)
            from (
        select x.sign, r.journey as journey, f.version, f.step, f.fact, f.label, f.at,
               r.started_at as entered_at, f.value
        from (select 1 as sign, t.* from (select * from visit where outcome is null and due_at is not null) t) x
        join run r on r.id = x.run_id left join goal g on g.run_id = x.run_id and x.kind = 'split'
        cross join lateral (values
            ('due', x.outcome is null and not x.run_ended and x.due_at >= date_bin('15 minutes', x.started_at, 'epoch') + interval '15 minutes', coalesce(x.version, r.version), x.step, x.kind || coalesce(' ' || x.held, ''), x.due_at, 0::numeric)
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        ) c
            group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch');
