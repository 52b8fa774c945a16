import { Handle, Position } from "@xyflow/react";
import classes from "./graph.module.css";

/** The ends of lines, which the library asks for; they are not seen and not taken hold of. */
export function Handles() {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} className={classes.end} />
      <Handle
        type="source"
        position={Position.Bottom}
        isConnectable={false}
        className={classes.end}
      />
    </>
  );
}
