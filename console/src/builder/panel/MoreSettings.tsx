import { Button, Menu, TextInput } from "@mantine/core";
import { useState } from "react";
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
  const wanted = text.trim().toLowerCase();
  const found = fields.filter(({ key }) => `${key} ${labelOf(key)}`.toLowerCase().includes(wanted));
  return (
    <Menu position="bottom-start" onClose={() => setText("")} withinPortal>
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" w="fit-content">
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
          <Menu.Item key={field.key} onClick={() => onAdd(field)}>
            {labelOf(field.key)}
          </Menu.Item>
        ))}
        {found.length === 0 && <Menu.Label>{texts.fields.noMore}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}
