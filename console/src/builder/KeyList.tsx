import { Modal, Table, Title } from "@mantine/core";
import { texts } from "@/texts";

const words = texts.builder.keys;

/** The keys of the builder and what they do. */
export function KeyList({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={words.title} size="lg">
      {words.groups.map((group) => (
        <section key={group.name} aria-label={group.name}>
          <Title order={3} mt="md">
            {group.name}
          </Title>
          <Table>
            <Table.Tbody>
              {group.keys.map(([key, does]) => (
                <Table.Tr key={key}>
                  <Table.Th scope="row" w={200}>
                    <kbd>{key}</kbd>
                  </Table.Th>
                  <Table.Td>{does}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      ))}
    </Modal>
  );
}
