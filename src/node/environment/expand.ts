/** `$(NAME)` in commands, arguments and environment variables. Source: core/v1 EnvVar.value and Container.command. */

/** `$(NAME)` of an unknown name stays; `$$` is one dollar sign, so that `$$(NAME)` gives "$(NAME)" in any case. */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name?: string) => {
    if (whole === "$$") return "$";
    return name !== undefined && Object.hasOwn(variables, name) ? (variables[name] ?? whole) : whole;
  });
}
