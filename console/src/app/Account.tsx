import { Button, Menu, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { signOut, useKeepSession, useSession } from "@/api/session";
import { texts } from "@/texts";

const SCHEMES = [
  ["light", texts.shell.light],
  ["dark", texts.shell.dark],
  ["auto", texts.shell.asSystem],
] as const;

/** Who is signed in, light or dark, and the way out. */
export function Account() {
  const { key, temporal_ui } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const queries = useQueryClient();
  const keep = useKeepSession();
  async function leave() {
    await signOut();
    queries.clear();
    keep(null);
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" color="gray" maw={160}>
          {key.name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{texts.shell.signedInAs(key.name, key.scope)}</Menu.Label>
        <Menu.Label>{texts.shell.lightOrDark}</Menu.Label>
        {SCHEMES.map(([scheme, name]) => (
          <Menu.RadioItem
            key={scheme}
            value={scheme}
            checked={colorScheme === scheme}
            onChange={() => setColorScheme(scheme)}
          >
            {name}
          </Menu.RadioItem>
        ))}
        <Menu.Divider />
        <Menu.Item component="a" href="/docs">
          {texts.shell.documentation}
        </Menu.Item>
        {temporal_ui !== null && (
          <Menu.Item component="a" href={temporal_ui} target="_blank" rel="noreferrer">
            {texts.shell.temporal}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item onClick={leave}>{texts.shell.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
