import { Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { CommandLine } from "@/components/CommandLine";
import { Page } from "@/components/Page";
import { texts } from "@/texts";
import { AddCodes } from "./AddCodes";
import { usePools } from "./pool";

const words = texts.coupons;
const LONGEST = 200;

/** A new pool: its name, and its first codes. */
export function NewPool() {
  const [, navigate] = useLocation();
  const pools = usePools();
  const [typed, setTyped] = useState("");
  const pool = typed.trim();
  const long = pool.length > LONGEST;
  const taken = pools.data?.some((each) => each.pool === pool) === true;
  return (
    <Page title={words.open}>
      <Stack gap="md">
        <TextInput
          maw={480}
          label={words.key}
          description={taken ? words.keyTaken : words.keyHint}
          value={typed}
          error={long ? words.keyLong : undefined}
          onChange={(event) => setTyped(event.currentTarget.value)}
          required
        />
        <AddCodes
          // A file that was looked at is one for the pool of that name.
          key={pool}
          pool={pool}
          ready={pool !== "" && !long}
          onAdded={() => navigate(`/${encodeURIComponent(pool)}/codes`)}
        />
        <CommandLine command={`parcours coupon import ${pool || "spring"} codes.csv`} />
      </Stack>
    </Page>
  );
}
