import { Button, Menu, TextInput } from "@mantine/core";
import { useRef, useState } from "react";
import { texts } from "@/texts";
import { labelOf } from "./MappingField";
import type { Field } from "./shapes";

interface MoreSettingsProps {
  fields: readonly Field[];
  onAdd: (field: Field) => void;
}

/** The settings that a mapping could have too, found by a part of their name. */
export function MoreSettings({ fields, onAdd }: MoreSettingsProps) {
  const [text, setText] = useState("");
  const button = useRef<HTMLButtonElement>(null);
  const chosen = useRef(false);
  const wanted = text.trim().toLowerCase();
  const found = fields.filter(({ key }) => `${key} ${labelOf(key)}`.toLowerCase().includes(wanted));
  return (
    <Menu
      position="bottom-start"
      withinPortal
      // What was added takes the focus; it comes back only if nothing was.
      returnFocus={false}
      onOpen={() => {
        chosen.current = false;
      }}
      onClose={() => {
        setText("");
        if (!chosen.current) {
          button.current?.focus();
        }
      }}
    >
      <Menu.Target>
        <Button ref={button} variant="subtle" size="compact-sm" w="fit-content">
          {texts.fields.more}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflowY: "auto" }}>
        <TextInput
          aria-label={texts.fields.findMore}
          placeholder={texts.fields.findMore}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") {
              event.preventDefault();
              event.currentTarget
                .closest("[role=menu]")
                ?.querySelector<HTMLElement>("[role=menuitem]")
                ?.click();
            }
            // Letters are for the field; the arrows lead on to what was found.
            if (!["Escape", "ArrowDown", "Tab"].includes(event.key)) {
              event.stopPropagation();
            }
          }}
        />
        {found.map((field) => (
          <Menu.Item
            key={field.key}
            onClick={() => {
              chosen.current = true;
              onAdd(field);
            }}
          >
            {labelOf(field.key)}
          </Menu.Item>
        ))}
        {found.length === 0 && <Menu.Label>{texts.fields.noMore}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}
