import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { JobProgress } from "@/components/JobProgress";
import { texts } from "@/texts";

const words = texts.publishing;

/** The jobs that a new live version has begun. */
export interface Jobs {
  moves: readonly string[];
  entries: readonly string[];
}

interface BegunProps {
  jobs: Jobs;
  title: string;
  onClose: () => void;
}

/** It is live: how far the runs are that move to it, and the contacts that enter it. */
export function Begun({ jobs, title, onClose }: BegunProps) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size="lg"
      closeButtonProps={{ "aria-label": texts.parts.close }}
    >
      <Stack gap="md">
        {jobs.moves.length > 0 && <Text>{words.moving}</Text>}
        {jobs.moves.map((id) => (
          <JobProgress key={id} id={id} />
        ))}
        {jobs.entries.length > 0 && <Text>{words.entering}</Text>}
        {jobs.entries.map((id) => (
          <JobProgress key={id} id={id} />
        ))}
        <Group justify="flex-end">
          <Button onClick={onClose}>{words.close}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
