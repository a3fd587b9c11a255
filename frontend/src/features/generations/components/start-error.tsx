/** Why a replay was not started, beside the button that asked for it. */
import { useProblemText } from "@/components/state/problem-text";
import { toProblem } from "@/lib/problem";

export function StartError({ error }: { error: unknown }) {
  const text = useProblemText(toProblem(error));
  if (!error) return null;
  return (
    <p role="alert" className="max-w-prose text-bad text-xs">
      {[text.what, text.why, text.fix].filter(Boolean).join(" · ")}
    </p>
  );
}
