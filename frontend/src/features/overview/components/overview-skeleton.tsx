/** The overview's layout while its first answer is on the way. */
import { Bone, Bones } from "@/components/state/skeleton";

const TILES = ["open", "weighted", "won", "rate"];

export function OverviewSkeleton() {
  return (
    <div className="flex flex-col gap-4">
      <Bone className="h-5 w-full max-w-xl" />
      <div className="grid gap-px overflow-hidden rounded-card border border-line bg-line sm:grid-cols-2 xl:grid-cols-4">
        {TILES.map((tile) => (
          <div key={tile} className="flex min-h-32 flex-col gap-3 bg-surface p-4">
            <Bone className="h-4 w-28" />
            <Bone className="h-8 w-40" />
            <Bone className="h-4 w-36" />
          </div>
        ))}
      </div>
      <div className="grid gap-4 xl:grid-cols-[minmax(0,1fr)_23rem]">
        <div className="rounded-card border border-line bg-surface p-4">
          <Bones rows={6} className="h-8" />
        </div>
        <div className="rounded-card border border-line bg-surface p-4">
          <Bones rows={7} />
        </div>
      </div>
    </div>
  );
}
