import { AppShell, Burger, Button, Group, Text } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { useEffect } from "react";
import { useLocation } from "wouter";
import { useSession } from "@/api/session";
import { SkipPlace } from "@/components/SkipLinks";
import { readersZone } from "@/components/times";
import { texts } from "@/texts";
import { Account } from "./Account";
import { CommandPalette } from "./CommandPalette";
import { CONTENT, useFocusOnPage } from "./focusOnPage";
import { LostConnection } from "./LostConnection";
import { Navigation } from "./Navigation";
import { Pages } from "./Pages";

/** The frame of all pages: the menu, the search, the account. */
export function Shell() {
  const session = useSession();
  const [menu, { toggle, close: closeMenu }] = useDisclosure(false);
  const [palette, { open: openPalette, close: closePalette }] = useDisclosure(false);
  const [location] = useLocation();
  const zone = readersZone();
  useHotkeys([["mod+K", openPalette]], []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the menu.
  useEffect(closeMenu, [location]);
  useFocusOnPage(location);

  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 184, breakpoint: "sm", collapsed: { mobile: !menu } }}
      padding="md"
    >
      <SkipPlace />
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={menu}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={texts.shell.menu}
            />
            <Text fw={600}>{texts.shell.product}</Text>
            {session.development && (
              <Text size="xs" className="quiet" visibleFrom="sm">
                {texts.shell.development}
                {session.speed !== 1 && ` · ${texts.shell.speed(session.speed)}`}
              </Text>
            )}
          </Group>
          <Group gap="sm" wrap="nowrap">
            <Text size="xs" className="quiet" visibleFrom="sm">
              {texts.shell.zone(zone)}
            </Text>
            <Button variant="default" onClick={openPalette} aria-keyshortcuts="Control+K">
              {texts.shell.search}
              <Text component="kbd" size="xs" ml="sm" className="quiet" visibleFrom="sm">
                Ctrl K
              </Text>
            </Button>
            <Account />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={texts.shell.menu}>
        <Navigation />
        <Text size="xs" className="quiet" px="sm" py="sm" hiddenFrom="sm">
          {texts.shell.zone(zone)}
        </Text>
      </AppShell.Navbar>
      <AppShell.Main id={CONTENT} tabIndex={-1}>
        <LostConnection />
        <Pages />
      </AppShell.Main>
      {palette && <CommandPalette onClose={closePalette} />}
    </AppShell>
  );
}
