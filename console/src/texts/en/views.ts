export const views = {
  title: "Views",
  save: "Save this view",
  name: "Name of the view",
  forAll: "For all who use the console",
  shared: "shared",
  sharedBy: (name: string) => `Shared by ${name}`,
  remove: (name: string) => `Remove the view ${name}`,
  removeShared: (name: string) => `Remove the view ${name} for all`,
  taken: (name: string, page: string) =>
    `There is a view called ${name} of another list, ${page}: choose another name.`,
} as const;
