import type { Example } from "@/documents/NewDocument";
import { texts } from "@/texts";

const BRAND = (key: string) => `brand: ${key}
name: Acme
colour: '#226a61'
address: 1 High Street, London
`;

/** What a brand begins with. */
export const EXAMPLES: readonly Example[] = [
  { id: "brand", name: texts.brands.example, text: BRAND },
];
