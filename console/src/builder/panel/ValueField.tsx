import { Select, Text } from "@mantine/core";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { texts } from "@/texts";
import { type Path, useEditing } from "./editing";
import { ListField } from "./ListField";
import { STARTS } from "./likely";
import { MappingField } from "./MappingField";
import { NamedField } from "./NamedField";
import { ScalarField } from "./ScalarField";
import { isSpecial, SpecialField } from "./SpecialField";
import { type Shape, variantOf } from "./shapes";
import { startOf } from "./starting";

export interface ValueFieldProps {
  label: string;
  /** The key under which the value stands. */
  name: string;
  shape: Shape;
  path: Path;
  value: Value;
  /** Whether there has to be a value. */
  required?: boolean;
  /** The mapping in which the value stands. */
  around?: ValueMap;
}

/** The field of a value, by the form that it has. What has no known form is shown and kept. */
export function ValueField(props: ValueFieldProps) {
  const { shape, value } = props;
  if (isSpecial(props)) {
    return <SpecialField {...props} />;
  }
  if (shape.kind === "variants" && shape.variants.length > 1) {
    return <VariantField {...props} />;
  }
  const found = variantOf(shape, value);
  if (found === null) {
    return <KeptField {...props} />;
  }
  return <FieldOf {...props} shape={found} />;
}

function FieldOf({
  shape,
  value,
  titled = true,
  ...props
}: ValueFieldProps & { titled?: boolean }) {
  switch (shape.kind) {
    case "mapping":
      return isValueMap(value) ? (
        <MappingField {...props} titled={titled} shape={shape} value={value} />
      ) : null;
    case "named":
      return isValueMap(value) ? <NamedField {...props} shape={shape} value={value} /> : null;
    case "list":
      return Array.isArray(value) ? <ListField {...props} shape={shape} value={value} /> : null;
    case "free":
    case "variants":
      return <KeptField {...props} shape={shape} value={value} />;
    case "text":
      if (isSpecial({ ...props, shape, value })) {
        return <SpecialField {...props} shape={shape} value={value} />;
      }
      return typeof value === "object" ? null : (
        <ScalarField {...props} shape={shape} value={value} />
      );
    default:
      return typeof value === "object" ? null : (
        <ScalarField {...props} shape={shape} value={value} />
      );
  }
}

/** What a form is called: in words, or by the keys that it needs, or by the kind of its value. */
function nameOfVariant(shape: Shape, name: string): string {
  if (shape.kind !== "mapping") {
    const said = texts.fields.forms[`${name}.${shape.kind}`];
    return said ?? (shape.kind === "constant" ? shape.value : shape.kind);
  }
  const required = shape.fields.filter((field) => field.required);
  const [first] = required;
  const said = texts.fields.forms[shape.name] ?? texts.fields.forms[`${shape.name}.${first?.key}`];
  const keys = (required.length > 0 ? required : shape.fields.slice(0, 1)).map(
    ({ key }) => texts.fields.labels[key] ?? key,
  );
  return said ?? keys.join(", ");
}

/** A value that may have one of several forms: which one, and its field. */
function VariantField({ shape, ...props }: ValueFieldProps) {
  const { set, readOnly } = useEditing();
  const variants = shape.kind === "variants" ? shape.variants : [shape];
  const found = variantOf(shape, props.value);
  const names = new Map(variants.map((variant, place) => [String(place), variant]));
  const scalars = variants.every((variant) => !["mapping", "list", "named"].includes(variant.kind));
  if (scalars && typeof props.value !== "object") {
    return <ScalarField {...props} shape={{ kind: "text" }} value={props.value} />;
  }
  const chosen = [...names].find(([, variant]) => variant === found)?.[0] ?? null;
  return (
    <div>
      <Select
        label={props.label}
        aria-label={texts.fields.form(props.label)}
        data={[...names].map(([value, variant]) => ({
          value,
          label: nameOfVariant(variant, props.name),
        }))}
        value={chosen}
        disabled={readOnly}
        allowDeselect={false}
        onChange={(place) => {
          const next = place === null ? undefined : names.get(place);
          if (next !== undefined && next !== found) {
            const start = next.kind === "text" ? STARTS[props.name] : undefined;
            set(props.path, start ?? startOf(next));
          }
        }}
      />
      {found === null ? (
        <KeptField {...props} shape={shape} />
      ) : (
        <FieldOf {...props} shape={found} titled={false} />
      )}
    </div>
  );
}

function KeptField({ label, value }: ValueFieldProps) {
  return (
    <div>
      <Text size="sm">{label}</Text>
      <pre>{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</pre>
      <Text size="xs" className="quiet">
        {texts.fields.keptAsText}
      </Text>
    </div>
  );
}
