import { ActionIcon, Button, Group, Popover, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { BASE } from "@/app/base";
import { texts } from "@/texts";
import classes from "./Views.module.css";
import { type SavedView, useSavedViews, viewSearch } from "./views";

const words = texts.parts;

interface ViewsProps {
  /** The place whose views they are, which is its path too. */
  place: string;
  /** Those that are always there. */
  given: readonly SavedView[];
  /** Parts of the address that are no part of a view, such as what is ticked. */
  left?: readonly string[];
}

/** Filters under a name: those of the place, and those that one has saved in this browser. */
export function Views({ place, given, left = [] }: ViewsProps) {
  const [search] = useSearchParams();
  const { views, save, remove } = useSavedViews(place);
  const here = viewSearch(search, left);
  const known = [...given, ...views].some((view) => sameView(view, here));
  return (
    <nav aria-label={words.views} className={classes.views}>
      {given.map((view) => (
        <ViewLink key={view.name} place={place} view={view} here={sameView(view, here)} />
      ))}
      {views.map((view) => (
        <span key={view.name} className={classes.saved}>
          <ViewLink place={place} view={view} here={sameView(view, here)} />
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={words.removeView(view.name)}
            onClick={() => remove(view.name)}
          >
            ×
          </ActionIcon>
        </span>
      ))}
      {!known && <SaveView onSave={(name) => save({ name, search: here })} />}
    </nav>
  );
}

function sameView(view: SavedView, here: string): boolean {
  return viewSearch(new URLSearchParams(view.search), []) === here;
}

function ViewLink({ place, view, here }: { place: string; view: SavedView; here: boolean }) {
  return (
    <Link
      to={`~${BASE}/${place}${view.search === "" ? "" : `?${view.search}`}`}
      className={classes.view ?? ""}
      aria-current={here ? "true" : undefined}
    >
      {view.name}
    </Link>
  );
}

function SaveView({ onSave }: { onSave: (name: string) => void }) {
  const [opened, setOpened] = useState(false);
  const [name, setName] = useState("");
  function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim() !== "") {
      onSave(name.trim());
      setName("");
      setOpened(false);
    }
  }
  return (
    <Popover opened={opened} onChange={setOpened} trapFocus position="bottom-start" shadow="sm">
      <Popover.Target>
        <Button variant="subtle" color="gray" onClick={() => setOpened(!opened)}>
          {words.saveView}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form onSubmit={submit}>
          <Group gap="sm" align="end">
            <TextInput
              size="xs"
              label={words.viewName}
              value={name}
              maxLength={60}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button type="submit" disabled={name.trim() === ""}>
              {words.save}
            </Button>
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
