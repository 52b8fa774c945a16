import type { Model } from "@/api/models";
import { texts } from "@/texts";

const WIDTH = 84;
const HEIGHT = 18;

/** Entries of the last days as small bars; the sum in words for those who cannot see them. */
export function Trend({ days }: { days: readonly Model<"TrendDay">[] }) {
  const most = Math.max(1, ...days.map((day) => day.entered));
  const step = WIDTH / Math.max(days.length, 1);
  const total = days.reduce((sum, day) => sum + day.entered, 0);
  const label = texts.today.trendWords(days.length, total);
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <title>{label}</title>
      {days.map((day, index) => {
        const height = day.entered === 0 ? 1 : Math.max(2, (day.entered / most) * HEIGHT);
        return (
          <rect
            key={day.day}
            x={index * step}
            y={HEIGHT - height}
            width={Math.max(step - 2, 1)}
            height={height}
            fill="var(--mantine-primary-color-filled)"
          />
        );
      })}
    </svg>
  );
}
