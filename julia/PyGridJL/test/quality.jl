# What Aqua and ExplicitImports find, where they are installed.
@testset "quality" begin
    for (name, check) in (
        "Aqua" => Aqua -> Aqua.test_all(PyGridJL; ambiguities = false, persistent_tasks = false),
        "ExplicitImports" => E -> begin
            @test E.check_no_implicit_imports(PyGridJL) === nothing
            @test E.check_no_stale_explicit_imports(PyGridJL) === nothing
        end,
    )
        id = Base.identify_package(name)
        if id === nothing
            @info "$name is not installed: not checked"
            continue
        end
        # Aqua compiles only where it can reach a registry.
        tool = try
            Base.require(id)
        catch problem
            @info "$name does not load: not checked" problem
            @test_skip name == "loaded"
            continue
        end
        Base.invokelatest(check, tool)
    end

    @testset "what is exported is there" begin
        for name in names(PyGridJL)
            @test isdefined(PyGridJL, name)
        end
    end
end
