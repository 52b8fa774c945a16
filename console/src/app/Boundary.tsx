import { Component, type ReactNode } from "react";
import { ProblemNotice } from "@/components/ProblemNotice";

interface State {
  error: unknown;
}

/** Keeps an error of one page in its place; the rest of the console goes on. */
export class Boundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error !== null) {
      return (
        <ProblemNotice error={this.state.error} retry={() => this.setState({ error: null })} />
      );
    }
    return this.props.children;
  }
}
