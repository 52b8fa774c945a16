import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";

/** How many rows of each kind are held about a contact. */
export function useHeld(contact: string) {
  return useQuery({
    queryKey: ["contact", contact, "held"],
    queryFn: () =>
      answerOf(api.GET("/v1/contacts/{contact}/erasure", { params: { path: { contact } } })),
  });
}
