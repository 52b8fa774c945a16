import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { everyPage } from "@/api/pages";

export type StoredFile = Model<"FileBody">;

export const FILES = ["files"] as const;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function isFileName(name: string): boolean {
  return NAME.test(name);
}

/** All files that e-mails may attach or show. */
export function useFiles() {
  return useQuery({
    queryKey: FILES,
    queryFn: () =>
      everyPage<StoredFile>((after) =>
        answerOf(api.GET("/v1/files", { params: { query: { limit: 500, ...after } } })),
      ),
  });
}

/** Keep a file under a name, in the place of an earlier one. */
export async function uploadFile(name: string, file: File): Promise<StoredFile> {
  return await answerOf(
    api.PUT("/v1/files/{name}", {
      params: { path: { name } },
      // The file itself is the body.
      body: file as never,
      bodySerializer: (body: unknown) => body as File,
      headers: { "Content-Type": file.type || "application/octet-stream" },
    }),
  );
}

/** Remove a file that no document attaches. Throws ApiProblem if one does. */
export async function removeFile(name: string): Promise<void> {
  await answerOf(api.DELETE("/v1/files/{name}", { params: { path: { name } } }));
}

const units = ["byte", "kilobyte", "megabyte"] as const;

/** A size as people say it: `1.2 MB`. */
export function sizeInWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return new Intl.NumberFormat("en", {
    style: "unit",
    unit: units[power] ?? "byte",
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  }).format(bytes / 1000 ** power);
}
