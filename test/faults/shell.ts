import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Run a shell command that strikes or heals something.
 *
 * @param turn Stands for `{turn}` in the command.
 * @throws Error if the command fails.
 */
export async function shell(command: string, turn: number): Promise<void> {
  const child = spawn("sh", ["-c", command.replaceAll("{turn}", String(turn))], {
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
}
