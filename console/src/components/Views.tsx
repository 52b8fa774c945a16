import { ActionIcon, Button, Checkbox, Group, Popover, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { useMay } from "@/api/session";
import { BASE } from "@/app/base";
import { texts } from "@/texts";
import { ProblemNotice } from "./ProblemNotice";
import classes from "./Views.module.css";
import { type SavedView, useSavedViews, viewSearch } from "./views";

const words = texts.views;

interface ViewsProps {
  /** The place whose views they are, which is its path too. */
  place: string;
  /** Those that are always there. */
  given: readonly SavedView[];
  /** Parts of the address that are no part of a view, such as what is ticked. */
  left?: readonly string[];
}

/** Filters under a name: those of the place, one's own, and those that all share. */
export function Views({ place, given, left = [] }: ViewsProps) {
  const [search] = useSearchParams();
  const { views, known: read, save, remove } = useSavedViews(place);
  const mayShare = useMay("edit");
  const here = viewSearch(search, left);
  const known = [...given, ...views].some((view) => sameView(view, here));
  const savable = read && !known && (here !== "" || given.length > 0);
  if (given.length === 0 && views.length === 0 && !savable) {
    return null;
  }
  return (
    <>
      <nav aria-label={words.title} className={classes.views}>
        {given.map((view) => (
          <ViewLink key={view.name} place={place} view={view} here={sameView(view, here)} />
        ))}
        {views.map((view) => (
          <span key={`${view.name} ${view.shared}`} className={classes.saved}>
            <ViewLink
              place={place}
              view={view}
              here={sameView(view, here)}
              {...(view.shared ? { title: words.sharedBy(view.savedBy) } : {})}
            />
            {view.shared && <span className="quiet">{words.shared}</span>}
            {(!view.shared || mayShare) && (
              <ActionIcon
                variant="subtle"
                color="gray"
                size="sm"
                aria-label={view.shared ? words.removeShared(view.name) : words.remove(view.name)}
                onClick={() => remove.mutate(view)}
              >
                ×
              </ActionIcon>
            )}
          </span>
        ))}
        {savable && (
          <SaveView
            mayShare={mayShare}
            error={save.error}
            onSave={(name, shared, onSaved) =>
              save.mutate({ view: { name, search: here }, shared }, { onSuccess: onSaved })
            }
            onClose={() => save.reset()}
          />
        )}
      </nav>
      {remove.isError && <ProblemNotice error={remove.error} />}
    </>
  );
}

function sameView(view: SavedView, here: string): boolean {
  return viewSearch(new URLSearchParams(view.search), []) === here;
}

interface ViewLinkProps {
  place: string;
  view: SavedView;
  here: boolean;
  title?: string;
}

function ViewLink({ place, view, here, title }: ViewLinkProps) {
  return (
    <Link
      to={`~${BASE}/${place}${view.search === "" ? "" : `?${view.search}`}`}
      className={classes.view ?? ""}
      aria-current={here ? "true" : undefined}
      title={title}
    >
      {view.name}
    </Link>
  );
}

interface SaveViewProps {
  mayShare: boolean;
  error: Error | null;
  onSave: (name: string, shared: boolean, onSaved: () => void) => void;
  onClose: () => void;
}

function SaveView({ mayShare, error, onSave, onClose }: SaveViewProps) {
  const [opened, setOpened] = useState(false);
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  function open(next: boolean) {
    setOpened(next);
    onClose();
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim() !== "") {
      onSave(name.trim(), shared, () => {
        setName("");
        open(false);
      });
    }
  }
  return (
    <Popover opened={opened} onChange={open} trapFocus position="bottom-start" shadow="sm">
      <Popover.Target>
        <Button variant="subtle" color="gray" onClick={() => open(!opened)}>
          {words.save}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form onSubmit={submit}>
          <Stack gap="sm">
            <Group gap="sm" align="end">
              <TextInput
                size="xs"
                label={words.name}
                value={name}
                maxLength={60}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Button type="submit" disabled={name.trim() === ""}>
                {texts.parts.save}
              </Button>
            </Group>
            {mayShare && (
              <Checkbox
                size="xs"
                label={words.forAll}
                checked={shared}
                onChange={(event) => setShared(event.currentTarget.checked)}
              />
            )}
            {error !== null && <ProblemNotice error={error} />}
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
