import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Router } from "wouter";
import { ApiProblem } from "@/api/problems";
import { BASE } from "./base";
import { nonce } from "./nonce";
import { SessionGate } from "./SessionGate";
import { theme } from "./theme";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the API refuses is refused again; only a server that is away is asked again.
      retry: (failures, error) => !(error instanceof ApiProblem) && failures < 5,
      retryDelay: (failures) => Math.min(1000 * 2 ** failures, 10_000),
      staleTime: 2_000,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <Router base={BASE}>
          <SessionGate />
        </Router>
      </QueryClientProvider>
    </MantineProvider>
  );
}
