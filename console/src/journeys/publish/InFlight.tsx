import { Text, Title } from "@mantine/core";
import { ContactLink } from "@/components/ContactLink";
import { texts } from "@/texts";
import { Lines } from "./Lines";
import type { Preview } from "./plan";

const words = texts.publishing;

function some(count: number, said: (count: number) => string): readonly string[] {
  return count === 0 ? [] : [said(count)];
}

/** What becomes of the runs that are under way, and who is sent a message at once. */
export function InFlight({ preview }: { preview: Preview }) {
  const { moves, sent_at_once: atOnce, stays, total } = preview;
  return (
    <section aria-label={words.inFlight}>
      <Title order={3}>{words.inFlight}</Title>
      <Lines
        lines={[
          total === 0 ? words.none : words.under(total),
          ...moves.map((each) => words.moves(each.runs, each.step, each.to)),
          ...stays.map((each) =>
            words.stays(each.runs, each.step ?? words.beginning, words.staying[each.reason]),
          ),
          ...some(preview.unlisted, words.unlisted),
          ...some(preview.at_work, words.atWork),
          ...some(preview.failed, words.failed),
          ...some(preview.ends_at_once, words.endsAtOnce),
          ...some(preview.leaves_at_once, words.leavesAtOnce),
        ]}
      />
      <Text size="sm" mt="xs" fw={600}>
        {words.sentAtOnce(atOnce.count)}
      </Text>
      {atOnce.contacts.length > 0 && (
        <Text size="sm">
          {atOnce.contacts.map((contact, place) => (
            <span key={contact}>
              {place > 0 && ", "}
              <ContactLink contact={contact} />
            </span>
          ))}
          {atOnce.count > atOnce.contacts.length &&
            ` ${words.andMore(atOnce.count - atOnce.contacts.length)}`}
        </Text>
      )}
    </section>
  );
}
