import { createTheme, type MantineColorsTuple } from "@mantine/core";
import { keepFocus, takeFocus } from "./menus";

const pine: MantineColorsTuple = [
  "#eaf6f4",
  "#d6ebe8",
  "#aad7d1",
  "#7bc2b9",
  "#56b0a5",
  "#3d9f93",
  "#2b8378",
  "#226a61",
  "#1b564f",
  "#12423c",
];

/** Calm, dense and typographic: the system's font, 14 px, eight-point steps, one accent. */
export const theme = createTheme({
  colors: { pine },
  primaryColor: "pine",
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  defaultRadius: "sm",
  fontFamily:
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  spacing: { xs: "4px", sm: "8px", md: "16px", lg: "24px", xl: "32px" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "20px", lineHeight: "1.4" },
      h2: { fontSize: "16px", lineHeight: "1.4" },
      h3: { fontSize: "14px", lineHeight: "1.4" },
    },
  },
  cursorType: "pointer",
  components: {
    Button: { defaultProps: { size: "xs" } },
    Menu: { defaultProps: { transitionProps: { duration: 0 }, trapFocus: false } },
    MenuDropdown: { defaultProps: { ref: takeFocus, onKeyDown: keepFocus } },
    TextInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm" } },
  },
});
