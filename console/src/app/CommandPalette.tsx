import { Modal, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useState } from "react";
import { useLocation } from "wouter";
import { useSession } from "@/api/session";
import { texts } from "@/texts";
import classes from "./CommandPalette.module.css";
import { type Found, findActions, findObjects, findPlaces } from "./search";

/** Finds pages, journeys, things and contacts by their names, and opens the one that is chosen. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [asked] = useDebouncedValue(text.trim(), 150);
  const objects = useQuery({
    queryKey: ["search", asked],
    queryFn: () => findObjects(asked, session.may),
    enabled: asked !== "",
    placeholderData: (before) => before,
  });
  const found: Found[] = [
    ...findActions(text, session.may),
    ...findPlaces(text, session.may),
    ...(text.trim() === "" ? [] : (objects.data ?? [])),
  ];
  const at = Math.min(chosen, found.length - 1);

  function open(result: Found | undefined) {
    if (result !== undefined) {
      onClose();
      navigate(result.path);
    }
  }
  function steer(event: KeyboardEvent) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((at + step + found.length) % Math.max(found.length, 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(found[at]);
    }
  }
  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size="lg"
      yOffset="10vh"
      attributes={{ content: { "aria-label": texts.shell.search } }}
    >
      <TextInput
        variant="unstyled"
        px="md"
        py="sm"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={steer}
        placeholder={texts.shell.searchHint}
        aria-label={texts.shell.searchHint}
        role="combobox"
        aria-expanded
        aria-controls="found"
        aria-activedescendant={found.length > 0 ? `found-${at}` : undefined}
        data-autofocus
      />
      <div role="listbox" id="found" aria-label={texts.shell.search} className={classes.list}>
        {found.map((result, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above.
          <div
            key={result.path}
            id={`found-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            className={classes.option}
            onClick={() => open(result)}
          >
            <span>{result.name}</span>
            <Text span size="xs" className="quiet">
              {result.kind}
            </Text>
          </div>
        ))}
      </div>
      {found.length === 0 && !objects.isFetching && (
        <Text px="md" py="sm" className="quiet">
          {texts.shell.nothingFound}
        </Text>
      )}
    </Modal>
  );
}
