import type { Value, ValueMap } from "@/builder/document/values";
import { isValueMap } from "@/builder/document/values";

/** A field of a form, as far as its HTML needs it. */
export interface EmbeddedField {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly required: boolean;
  readonly options: readonly string[];
  readonly lines: number | null;
}

function textOf(value: Value | undefined, otherwise: string): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : otherwise;
}

/** The fields of a form's document. */
export function formFields(document: ValueMap): readonly EmbeddedField[] {
  const fields = Array.isArray(document.fields) ? document.fields : [];
  return fields.filter(isValueMap).map((field) => ({
    name: textOf(field.name, ""),
    label: textOf(field.label, ""),
    type: textOf(field.type, "text"),
    required: field.required === true,
    options: Array.isArray(field.options) ? field.options.map(String) : [],
    lines: typeof field.lines === "number" ? field.lines : null,
  }));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

const TYPES: Readonly<Record<string, string>> = { email: "email", phone: "tel", date: "date" };

function control(field: EmbeddedField): string {
  const shared = `name="${escaped(field.name)}"${field.required ? " required" : ""}`;
  const label = escaped(field.label);
  if (field.type === "checkbox") {
    return `<label><input ${shared} type="checkbox" value="on"> ${label}</label>`;
  }
  if (field.type === "choice") {
    const options = field.options.map((option) => `<option>${escaped(option)}</option>`).join("");
    return `<label>${label} <select ${shared}>${options}</select></label>`;
  }
  if (field.lines !== null) {
    return `<label>${label} <textarea ${shared} rows="${field.lines}"></textarea></label>`;
  }
  return `<label>${label} <input ${shared} type="${TYPES[field.type] ?? "text"}"></label>`;
}

/** The HTML that shows a form on a page of one's own. */
export function embedding(form: string, address: string, fields: readonly EmbeddedField[]): string {
  return [
    `<form data-parcours="${escaped(form)}" method="post" action="${escaped(address)}">`,
    ...fields.map((field) => `  ${control(field)}`),
    "  <button>Send</button>",
    "  <output></output>",
    "</form>",
  ].join("\n");
}
