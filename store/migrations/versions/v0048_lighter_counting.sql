-- Deltas are appended without joins, and a row's run is looked up once.

create or replace function parcours.count_visit() returns trigger language plpgsql as $$
declare
    its_run record;
begin
    select r.journey, r.version, r.started_at into its_run from run r where r.id = new.run_id;
    if not found then
        return null;
    end if;
    if (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'reached', new.kind, new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome is not null and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'outcome', new.outcome, coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome = 'skipped' and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'skipped', coalesce(new.facts ->> 'reason', 'if'), coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome = 'failed' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'failed', coalesce(new.facts ->> 'code', new.facts ->> 'reason', ''), coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome is null and not new.run_ended and new.held <> 'retry' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'held', new.held, new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome is null and not new.run_ended and (new.held = 'retry' or new.held is null and new.facts #>> '{held,-1,why}' = 'retry') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'retrying', '', new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome is null and new.run_ended and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'left_open', '', new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome is null and not new.run_ended and new.due_at >= date_bin('15 minutes', new.started_at, 'epoch') + interval '15 minutes' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'due', new.kind || coalesce(' ' || new.held, ''), new.due_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
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
declare
    its_run record;
begin
    select r.journey, r.version, r.started_at into its_run from run r where r.id = new.run_id;
    if not found then
        return null;
    end if;
    if (old.kind <> 'split' or not old.replaced) then
        if (new.kind <> 'split' or not new.replaced) then
            if row(old."kind", old."replaced", old."started_at", old."step", old."version") is distinct from row(new."kind", new."replaced", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'reached', old.kind, old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'reached', new.kind, new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'reached', old.kind, old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'reached', new.kind, new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome is not null and (old.kind <> 'split' or not old.replaced) then
        if new.outcome is not null and (new.kind <> 'split' or not new.replaced) then
            if row(old."ended_at", old."kind", old."outcome", old."replaced", old."started_at", old."step", old."version") is distinct from row(new."ended_at", new."kind", new."outcome", new."replaced", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'outcome', old.outcome, coalesce(old.ended_at, old.started_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'outcome', new.outcome, coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'outcome', old.outcome, coalesce(old.ended_at, old.started_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome is not null and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'outcome', new.outcome, coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome = 'skipped' and (old.kind <> 'split' or not old.replaced) then
        if new.outcome = 'skipped' and (new.kind <> 'split' or not new.replaced) then
            if row(old."ended_at", old."facts", old."kind", old."outcome", old."replaced", old."started_at", old."step", old."version") is distinct from row(new."ended_at", new."facts", new."kind", new."outcome", new."replaced", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'skipped', coalesce(old.facts ->> 'reason', 'if'), coalesce(old.ended_at, old.started_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'skipped', coalesce(new.facts ->> 'reason', 'if'), coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'skipped', coalesce(old.facts ->> 'reason', 'if'), coalesce(old.ended_at, old.started_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome = 'skipped' and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'skipped', coalesce(new.facts ->> 'reason', 'if'), coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome = 'failed' then
        if new.outcome = 'failed' then
            if row(old."ended_at", old."facts", old."outcome", old."started_at", old."step", old."version") is distinct from row(new."ended_at", new."facts", new."outcome", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'failed', coalesce(old.facts ->> 'code', old.facts ->> 'reason', ''), coalesce(old.ended_at, old.started_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'failed', coalesce(new.facts ->> 'code', new.facts ->> 'reason', ''), coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'failed', coalesce(old.facts ->> 'code', old.facts ->> 'reason', ''), coalesce(old.ended_at, old.started_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome = 'failed' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'failed', coalesce(new.facts ->> 'code', new.facts ->> 'reason', ''), coalesce(new.ended_at, new.started_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome is null and not old.run_ended and old.held <> 'retry' then
        if new.outcome is null and not new.run_ended and new.held <> 'retry' then
            if row(old."held", old."outcome", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."held", new."outcome", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'held', old.held, old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'held', new.held, new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'held', old.held, old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome is null and not new.run_ended and new.held <> 'retry' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'held', new.held, new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome is null and not old.run_ended and (old.held = 'retry' or old.held is null and old.facts #>> '{held,-1,why}' = 'retry') then
        if new.outcome is null and not new.run_ended and (new.held = 'retry' or new.held is null and new.facts #>> '{held,-1,why}' = 'retry') then
            if row(old."facts", old."held", old."outcome", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."facts", new."held", new."outcome", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'retrying', '', old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'retrying', '', new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'retrying', '', old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome is null and not new.run_ended and (new.held = 'retry' or new.held is null and new.facts #>> '{held,-1,why}' = 'retry') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'retrying', '', new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome is null and old.run_ended and (old.kind <> 'split' or not old.replaced) then
        if new.outcome is null and new.run_ended and (new.kind <> 'split' or not new.replaced) then
            if row(old."kind", old."outcome", old."replaced", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."kind", new."outcome", new."replaced", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'left_open', '', old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'left_open', '', new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'left_open', '', old.started_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome is null and new.run_ended and (new.kind <> 'split' or not new.replaced) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'left_open', '', new.started_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome is null and not old.run_ended and old.due_at >= date_bin('15 minutes', old.started_at, 'epoch') + interval '15 minutes' then
        if new.outcome is null and not new.run_ended and new.due_at >= date_bin('15 minutes', new.started_at, 'epoch') + interval '15 minutes' then
            if row(old."due_at", old."held", old."kind", old."outcome", old."run_ended", old."started_at", old."step", old."version") is distinct from row(new."due_at", new."held", new."kind", new."outcome", new."run_ended", new."started_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'due', old.kind || coalesce(' ' || old.held, ''), old.due_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'due', new.kind || coalesce(' ' || new.held, ''), new.due_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'due', old.kind || coalesce(' ' || old.held, ''), old.due_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome is null and not new.run_ended and new.due_at >= date_bin('15 minutes', new.started_at, 'epoch') + interval '15 minutes' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'due', new.kind || coalesce(' ' || new.held, ''), new.due_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
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

create or replace function parcours.count_message() returns trigger language plpgsql as $$
declare
    its_run record;
begin
    select r.journey, r.version, r.started_at into its_run from run r where r.id = new.run_id;
    if not found then
        return null;
    end if;
    if new.state = 'sent' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_sent', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, case when new.channel <> 'webhook' then new.contact_id end);
    end if;
    if new.state = 'refused' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_refused', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.state = 'unknown' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_unknown', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.delivered_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'delivered', new.channel, new.delivered_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.opened_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'opened', new.channel, new.opened_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.clicked_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'clicked', new.channel, new.clicked_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.bounced_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'bounced', new.channel, new.bounced_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.replied_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'replied', new.channel, new.replied_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.complained_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'complained', new.channel, new.complained_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.unsubscribed_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'unsubscribed', new.channel, new.unsubscribed_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    return null;
end
$$;

create or replace function parcours.count_message_again() returns trigger language plpgsql as $$
declare
    its_run record;
begin
    select r.journey, r.version, r.started_at into its_run from run r where r.id = new.run_id;
    if not found then
        return null;
    end if;
    if old.state = 'sent' then
        if new.state = 'sent' then
            if row(old."channel", old."claimed_at", old."settled_at", old."state", old."step", old."version") is distinct from row(new."channel", new."claimed_at", new."settled_at", new."state", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'message_sent', old.channel, coalesce(old.settled_at, old.claimed_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_sent', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, case when new.channel <> 'webhook' then new.contact_id end);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'message_sent', old.channel, coalesce(old.settled_at, old.claimed_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.state = 'sent' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_sent', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, case when new.channel <> 'webhook' then new.contact_id end);
    end if;
    if old.state = 'refused' then
        if new.state = 'refused' then
            if row(old."channel", old."claimed_at", old."settled_at", old."state", old."step", old."version") is distinct from row(new."channel", new."claimed_at", new."settled_at", new."state", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'message_refused', old.channel, coalesce(old.settled_at, old.claimed_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_refused', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'message_refused', old.channel, coalesce(old.settled_at, old.claimed_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.state = 'refused' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_refused', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.state = 'unknown' then
        if new.state = 'unknown' then
            if row(old."channel", old."claimed_at", old."settled_at", old."state", old."step", old."version") is distinct from row(new."channel", new."claimed_at", new."settled_at", new."state", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'message_unknown', old.channel, coalesce(old.settled_at, old.claimed_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_unknown', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'message_unknown', old.channel, coalesce(old.settled_at, old.claimed_at), its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.state = 'unknown' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'message_unknown', new.channel, coalesce(new.settled_at, new.claimed_at), its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.delivered_at is not null then
        if new.delivered_at is not null then
            if row(old."channel", old."delivered_at", old."step", old."version") is distinct from row(new."channel", new."delivered_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'delivered', old.channel, old.delivered_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'delivered', new.channel, new.delivered_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'delivered', old.channel, old.delivered_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.delivered_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'delivered', new.channel, new.delivered_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.opened_at is not null then
        if new.opened_at is not null then
            if row(old."channel", old."opened_at", old."step", old."version") is distinct from row(new."channel", new."opened_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'opened', old.channel, old.opened_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'opened', new.channel, new.opened_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'opened', old.channel, old.opened_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.opened_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'opened', new.channel, new.opened_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.clicked_at is not null then
        if new.clicked_at is not null then
            if row(old."channel", old."clicked_at", old."step", old."version") is distinct from row(new."channel", new."clicked_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'clicked', old.channel, old.clicked_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'clicked', new.channel, new.clicked_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'clicked', old.channel, old.clicked_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.clicked_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'clicked', new.channel, new.clicked_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.bounced_at is not null then
        if new.bounced_at is not null then
            if row(old."bounced_at", old."channel", old."step", old."version") is distinct from row(new."bounced_at", new."channel", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'bounced', old.channel, old.bounced_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'bounced', new.channel, new.bounced_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'bounced', old.channel, old.bounced_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.bounced_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'bounced', new.channel, new.bounced_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.replied_at is not null then
        if new.replied_at is not null then
            if row(old."channel", old."replied_at", old."step", old."version") is distinct from row(new."channel", new."replied_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'replied', old.channel, old.replied_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'replied', new.channel, new.replied_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'replied', old.channel, old.replied_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.replied_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'replied', new.channel, new.replied_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.complained_at is not null then
        if new.complained_at is not null then
            if row(old."channel", old."complained_at", old."step", old."version") is distinct from row(new."channel", new."complained_at", new."step", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'complained', old.channel, old.complained_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'complained', new.channel, new.complained_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'complained', old.channel, old.complained_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.complained_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'complained', new.channel, new.complained_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.unsubscribed_at is not null then
        if new.unsubscribed_at is not null then
            if row(old."channel", old."step", old."unsubscribed_at", old."version") is distinct from row(new."channel", new."step", new."unsubscribed_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'unsubscribed', old.channel, old.unsubscribed_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'unsubscribed', new.channel, new.unsubscribed_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(old.version, its_run.version), old.step, 'unsubscribed', old.channel, old.unsubscribed_at, its_run.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.unsubscribed_at is not null then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (its_run.journey, coalesce(new.version, its_run.version), new.step, 'unsubscribed', new.channel, new.unsubscribed_at, its_run.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    return null;
end
$$;

create or replace function parcours.count_run() returns trigger language plpgsql as $$
begin
    if not coalesce(new.outcome in ('restarted', 'merged'), false) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'entered', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.outcome in ('restarted', 'merged') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'replaced', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.state = 'ended' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, new.version, '', 'ended', coalesce(new.outcome, 'removed'), coalesce(new.ended_at, new.started_at), new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'moved_from', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, new.version, '', 'moved_to', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    return null;
end
$$;

create or replace function parcours.count_run_again() returns trigger language plpgsql as $$
begin
    if not coalesce(old.outcome in ('restarted', 'merged'), false) then
        if not coalesce(new.outcome in ('restarted', 'merged'), false) then
            if row(old."entry_version", old."outcome", old."started_at", old."version") is distinct from row(new."entry_version", new."outcome", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.entry_version, old.version), '', 'entered', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'entered', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.entry_version, old.version), '', 'entered', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif not coalesce(new.outcome in ('restarted', 'merged'), false) then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'entered', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.outcome in ('restarted', 'merged') then
        if new.outcome in ('restarted', 'merged') then
            if row(old."entry_version", old."outcome", old."started_at", old."version") is distinct from row(new."entry_version", new."outcome", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.entry_version, old.version), '', 'replaced', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'replaced', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.entry_version, old.version), '', 'replaced', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.outcome in ('restarted', 'merged') then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'replaced', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.state = 'ended' then
        if new.state = 'ended' then
            if row(old."ended_at", old."outcome", old."started_at", old."state", old."version") is distinct from row(new."ended_at", new."outcome", new."started_at", new."state", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, old.version, '', 'ended', coalesce(old.outcome, 'removed'), coalesce(old.ended_at, old.started_at), old.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, new.version, '', 'ended', coalesce(new.outcome, 'removed'), coalesce(new.ended_at, new.started_at), new.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, old.version, '', 'ended', coalesce(old.outcome, 'removed'), coalesce(old.ended_at, old.started_at), old.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.state = 'ended' then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, new.version, '', 'ended', coalesce(new.outcome, 'removed'), coalesce(new.ended_at, new.started_at), new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.entry_version <> old.version then
        if new.entry_version <> new.version then
            if row(old."entry_version", old."started_at", old."version") is distinct from row(new."entry_version", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.entry_version, old.version), '', 'moved_from', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'moved_from', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.entry_version, old.version), '', 'moved_from', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.entry_version, new.version), '', 'moved_from', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    if old.entry_version <> old.version then
        if new.entry_version <> new.version then
            if row(old."entry_version", old."started_at", old."version") is distinct from row(new."entry_version", new."started_at", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, old.version, '', 'moved_to', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, new.version, '', 'moved_to', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, old.version, '', 'moved_to', '', old.started_at, old.started_at, -1,
                -1 * 0::numeric, null);
        end if;
    elsif new.entry_version <> new.version then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, new.version, '', 'moved_to', '', new.started_at, new.started_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    return null;
end
$$;

create or replace function parcours.count_goal() returns trigger language plpgsql as $$
begin
    if new.met_event_id is not null and not new.replaced then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.version, 0), coalesce(new.step, ''), 'goal', '', new.met_at, coalesce(new.entered_at, new.met_at), 1,
                1 * coalesce(case when abs(new.value) <= 1000000000000000000000000000000 then new.value else 0::numeric end, 0::numeric), null::uuid);
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
$$;

create or replace function parcours.count_goal_again() returns trigger language plpgsql as $$
begin
    if old.met_event_id is not null and not old.replaced then
        if new.met_event_id is not null and not new.replaced then
            if row(old."met_at", old."met_event_id", old."replaced", old."step", old."value", old."version") is distinct from row(new."met_at", new."met_event_id", new."replaced", new."step", new."value", new."version") then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.version, 0), coalesce(old.step, ''), 'goal', '', old.met_at, coalesce(old.entered_at, old.met_at), -1,
                -1 * coalesce(case when abs(old.value) <= 1000000000000000000000000000000 then old.value else 0::numeric end, 0::numeric), null);
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.version, 0), coalesce(new.step, ''), 'goal', '', new.met_at, coalesce(new.entered_at, new.met_at), 1,
                1 * coalesce(case when abs(new.value) <= 1000000000000000000000000000000 then new.value else 0::numeric end, 0::numeric), null::uuid);
            end if;
        else
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (old.journey, coalesce(old.version, 0), coalesce(old.step, ''), 'goal', '', old.met_at, coalesce(old.entered_at, old.met_at), -1,
                -1 * coalesce(case when abs(old.value) <= 1000000000000000000000000000000 then old.value else 0::numeric end, 0::numeric), null);
        end if;
    elsif new.met_event_id is not null and not new.replaced then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, coalesce(new.version, 0), coalesce(new.step, ''), 'goal', '', new.met_at, coalesce(new.entered_at, new.met_at), 1,
                1 * coalesce(case when abs(new.value) <= 1000000000000000000000000000000 then new.value else 0::numeric end, 0::numeric), null::uuid);
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
$$;

create or replace function parcours.count_refusal() returns trigger language plpgsql as $$
begin
    if true then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values (new.journey, 0, '', 'refused', new.code, new.refused_at, new.refused_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    return null;
end
$$;

create or replace function parcours.count_consent_record() returns trigger language plpgsql as $$
begin
    if true then
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values ('', 0, coalesce(new.topic, new.channel, ''), 'consent', new.state, new.recorded_at, new.recorded_at, 1,
                1 * 0::numeric, null::uuid);
    end if;
    return null;
end
$$;
