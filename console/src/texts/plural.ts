const rules = new Intl.PluralRules("en");
const whole = new Intl.NumberFormat("en");

/** A number with its thing: `1 contact`, `1,200 contacts`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${rules.select(count) === "one" ? one : many}`;
}
